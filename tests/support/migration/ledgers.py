"""Scenarios that run on a ledger of each kind."""

from typing import Final

import pytest

on_both_ledgers: Final = pytest.mark.parametrize(
    ("servers", "bench_ledger"),
    [("real", "sqlite"), ("protocol-level", "sqlite"), ("protocol-level", "postgres")],
    indirect=True,
)
"""What one FastDFS has shown of a ledger, another would not show differently."""
