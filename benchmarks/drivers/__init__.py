"""One file per subject: how a careful user of that library does each operation."""
