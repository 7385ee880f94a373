"""What the tests of a migration share. `truth` and `auditor` know nothing of the code that they judge."""
