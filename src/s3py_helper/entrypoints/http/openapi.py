"""What the description of the interface cannot learn from the endpoints' signatures."""

from typing import Any, Final

from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.http.problems.table import PROBLEMS

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": sorted({problem.uri for problem in PROBLEMS.values()})},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong, for people."},
        "file_id": {"type": "string"},
        "file_name": {"type": "string", "description": "Which file of several it was."},
        "operation": {"type": "string"},
        "retryable": {"type": "boolean", "description": "The same request may succeed later."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which parameter or field.",
            "items": {
                "type": "object",
                "required": ["type", "loc", "msg"],
                "properties": {
                    "type": {"type": "string"},
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                },
            },
        },
    },
}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_TITLES: Final = {
    400: "Name, id, form or type is not valid",
    403: "Not served here, or switched off",
    404: "No such file",
    409: "Not safe yet; `detail` says what is missing",
    412: "Not the version that was asked for",
    411: "Its length is missing",
    413: "Too large",
    415: "The body is encoded, or its content is of another type than is said",
    428: "It would not be known whether a file is to be replaced",
    416: "The file has no byte in that range",
    500: "The storage failed",
    503: "The storage is unavailable",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Descriptions of the problems that an endpoint answers with."""
    return {
        status: {"description": _TITLES[status], "content": {"application/problem+json": {"schema": PROBLEM}}}
        for status in (*statuses, 500, 503)
    }


def form_with(field: str, *, several: bool = False) -> dict[str, Any]:
    """The description of a form with one field for files."""
    file = {"type": "string", "format": "binary"}
    schema = {
        "type": "object",
        "required": [field],
        "properties": {field: {"type": "array", "items": file} if several else file},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def created(description: str) -> dict[int | str, dict[str, Any]]:
    """The description of the response that tells where a new file is."""
    location = {"description": "Path of the new file (RFC 9110, 10.2.2).", "schema": {"type": "string"}}
    return {201: {"description": description, "headers": {"Location": location}}}


RAW_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {OCTET_STREAM: _BINARY}},
}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_VERSION_HEADERS: Final = {
    "ETag": _text("Names this version of the file (RFC 9110, 8.8.3)."),
    "Last-Modified": _text("When it was stored."),
    "Cache-Control": _text("Who may keep it (RFC 9111)."),
}
_FILE_HEADERS: Final = _VERSION_HEADERS | {
    "Accept-Ranges": _text("`bytes`"),
    "Content-Disposition": _text("What the file is called (RFC 6266)."),
}
# The type is the file's own; programs that make clients know the first.
_FILE_CONTENT: Final = {OCTET_STREAM: _BINARY, "*/*": _BINARY}

FILE_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": _FILE_CONTENT, "headers": _FILE_HEADERS},
    206: {
        "description": "The part of the file that `Range` names, or several as `multipart/byteranges`",
        "content": _FILE_CONTENT,
        "headers": _FILE_HEADERS | {"Content-Range": _text("Which part it is, where it is one (RFC 9110, 14.4).")},
    },
    304: {"description": "Not changed since", "headers": _VERSION_HEADERS},
}

ZIP_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The archive", "content": {"application/zip": _BINARY}},
}
ZIP_REQUEST: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": FileDownload.model_json_schema()}},
        },
    },
}
