"""Requests made of the description of the interface are answered as it says."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance, unsupported_method

from tests.integration.service.process import serving
from tests.support.fuzzing import examples

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TOKEN = "an-invented-token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}

# Names, ids and lists have rules that no schema tells: what fits one may be refused with 400, and FastAPI reads `0` and
# `off` as a boolean.
NOT_PROMISED = [positive_data_acceptance, negative_data_rejection, unsupported_method]


ORDINARY = settings(
    max_examples=examples(20),
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_every_response_is_one_that_is_described(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_API_TOKEN=TOKEN, S3PY_LINK_KEYS=f"k={'k' * 32}") as service:
        files = {"file": ("a.txt", b"0123456789")}
        file_id = httpx.post(f"{service.url}/files/upload", files=files, headers=HEADERS).json()["file_id"]
        tried = set()
        for found in schemathesis.openapi.from_url(f"{service.url}/openapi.json").get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            name = operation.definition.raw["operationId"]

            @ORDINARY
            @given(case=operation.as_strategy())
            def every_response_is_described(case: Any) -> None:
                # A generated id names no file, and most of what is described is about files that are there.
                if case.method != "DELETE" and "file_id" in case.path_parameters:
                    case.path_parameters["file_id"] = file_id
                case.call_and_validate(headers=HEADERS, excluded_checks=NOT_PROMISED, timeout=30)

            every_response_is_described()
            tried.add(name)
        assert httpx.get(f"{service.url}/livez").status_code == 200
        assert not any("Traceback" in line for line in service.log)
    assert {"upload_file", "download_file", "list_files", "create_link", "upload_signed", "metrics"} <= tried
