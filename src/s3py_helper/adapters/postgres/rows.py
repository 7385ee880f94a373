"""What goes into rows and comes from them."""

from typing import Final

from s3py_helper.application.migration.ledger_rows import FILE_COLUMNS

COLUMNS: Final = ", ".join(f"file.{name}" for name in FILE_COLUMNS)


def storable(text: str | None) -> str | None:
    """Without what PostgreSQL's texts cannot hold: the character NUL, and halves of surrogate pairs."""
    if text is None or (text.isprintable() and text.isascii()):
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
