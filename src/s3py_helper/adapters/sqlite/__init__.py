"""The ledger of a migration in one SQLite file, for workers on one host."""
