"""The endpoints there are."""

from enum import StrEnum


class Endpoint(StrEnum):
    """What a router for files can have; `docs/http.md` shows requests and responses."""

    UPLOAD = "upload"
    """`POST .../upload` and `POST .../batch-upload`."""
    DOWNLOAD = "download"
    """`GET .../{file_id}/download`."""
    ZIP = "zip"
    """`POST .../download-zip`."""
    INFO = "info"
    """`GET .../{file_id}/info`."""
    COPY = "copy"
    """`POST .../{file_id}/copy`."""
    LINK = "link"
    """`POST .../{file_id}/links` and `POST .../upload-links`."""
    LIST = "list"
    """`GET ...`."""
    DELETE = "delete"
    """`DELETE .../{file_id}`."""
