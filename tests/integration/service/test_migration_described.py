"""Requests made of the description of a migration's endpoints are answered as it says."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok

from tests.integration.service.process import serving
from tests.integration.service.test_schemathesis import HEADERS, NOT_PROMISED, ORDINARY, TOKEN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_response_is_one_that_is_described(tmp_path: Path) -> None:
    settings = {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": "http://127.0.0.9:1",
        "S3PY_S3__ACCESS_KEY_ID": "key",
        "S3PY_S3__SECRET_ACCESS_KEY": "secret",
        "S3PY_S3__DEFAULT_BUCKET": "files",
        "S3PY_MIGRATION__LEDGER": str(tmp_path / "ledger.db"),
    }
    with serving(tmp_path, S3PY_API_TOKEN=TOKEN, **settings) as service:
        tried = set()
        described = schemathesis.openapi.from_url(f"{service.url}/openapi.json").include(tag="migration")
        # It has no end.
        for found in described.exclude(operation_id="migration_events").get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()

            @ORDINARY
            @given(case=operation.as_strategy())
            def every_response_is_described(case: Any) -> None:
                case.call_and_validate(headers=HEADERS, excluded_checks=NOT_PROMISED, timeout=30)

            every_response_is_described()
            tried.add(operation.definition.raw["operationId"])
        assert not any("Traceback" in line for line in service.log)
    assert tried == {
        "migration_status",
        "migration_errors",
        "retry_migration_errors",
        "migration_routes",
        "change_migration_route",
        "migration_limits",
        "change_migration_limits",
        "pause_migration",
        "resume_migration",
    }
