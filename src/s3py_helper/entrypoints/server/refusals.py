"""Why a request is refused before the application sees it."""

from typing import Final

from s3py_helper.entrypoints.http.problems.table import Problem

MALFORMED: Final = Problem(400, "malformed-request", "Malformed request")
HEAD_TIMED_OUT: Final = Problem(408, "request-timed-out", "No whole request came in time")
HEAD_TOO_LARGE: Final = Problem(431, "headers-too-large", "Request headers too large")
UNKNOWN_CODING: Final = Problem(501, "unknown-transfer-coding", "Unknown transfer coding")
UNKNOWN_METHOD: Final = Problem(501, "unknown-method", "Unknown method")
UNKNOWN_VERSION: Final = Problem(505, "unknown-http-version", "Unknown version of HTTP")
