"""Where a new file is (RFC 9110, 10.2.2)."""

from urllib.parse import quote

from fastapi import Request

from s3py_helper.domain.files import FileAttach


def location_of(request: Request, end: str, attach: FileAttach) -> str:
    """The file's path, as the client has to write it: an absolute one, because an id's prefix looks like a scheme.

    Args:
        request: The request that has stored it.
        end: What the path of this request has behind that of all files.
        attach: The file.
    """
    path: str = request.scope["path"].removesuffix(end).rstrip("/")
    root: str = request.scope.get("root_path", "")
    # A proxy that offers the service under a path may have removed that, or left it.
    front = path if path.startswith(f"{root}/") else root + path
    return quote(f"{front}/{attach.file_id}", safe="/:")
