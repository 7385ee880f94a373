"""The command line `s3py`."""


def main() -> None:
    """Run it; the console script points here."""
    from s3py_helper.entrypoints.cli.app import app  # noqa: PLC0415 - importing the package costs nothing

    app()
