"""A whole migration on servers of this machine, under live traffic, with workers that are killed; then the audit.

`python -m tests.support.rehearsal --files 2000` runs it.
"""
