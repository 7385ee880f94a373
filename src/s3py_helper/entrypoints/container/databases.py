"""Ids that applications keep in their own databases."""

from collections.abc import AsyncGenerator


def ids_in_database(url: str, query: str) -> AsyncGenerator[str]:
    """The first column of a query; see `first_column`. What reads databases is imported when one is read."""
    from s3py_helper.adapters.sql.ids import first_column  # noqa: PLC0415

    return first_column(url, query)
