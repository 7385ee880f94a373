"""Where a file is that was just stored, as its client has to write it."""

import pytest
from fastapi import Request

from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.http.endpoints.location import location_of


@pytest.mark.parametrize(
    ("path", "root_path", "end", "location"),
    [
        ("/files/upload", "", "/upload", "/files/s3:b/k%C3%A9%20%25"),
        ("/files", "", "", "/files/s3:b/k%C3%A9%20%25"),
        ("/files/", "", "", "/files/s3:b/k%C3%A9%20%25"),
        ("/api/files/upload", "/api", "/upload", "/api/files/s3:b/k%C3%A9%20%25"),
        ("/files/upload", "/api", "/upload", "/api/files/s3:b/k%C3%A9%20%25"),
        ("/apiary/upload", "/api", "/upload", "/api/apiary/s3:b/k%C3%A9%20%25"),
    ],
)
def test_a_location_is_a_path_below_the_front_that_clients_see(
    path: str, root_path: str, end: str, location: str
) -> None:
    request = Request({"type": "http", "path": path, "root_path": root_path, "headers": []})
    attach = FileAttach(file_id="s3:b/ké %", file_name="k", file_size=1)
    assert location_of(request, end, attach) == location
