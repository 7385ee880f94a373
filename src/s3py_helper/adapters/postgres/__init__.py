"""The ledger of a migration on PostgreSQL, for workers on any number of hosts."""
