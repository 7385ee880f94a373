"""Whatever stands in the environment, settings are read, or refused with an error that names the variable."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.settings import load_settings

pytestmark = pytest.mark.timeout(120)

SECRETS = ("S3PY_TOKEN", "S3PY_S3__SECRET_ACCESS_KEY", "S3PY_S3__SESSION_TOKEN")
VARIABLES = (
    *("S3PY_MODE", "S3PY_HOST", "S3PY_PORT", "S3PY_MAX_UPLOAD_SIZE", "S3PY_BUCKETS", "S3PY_MOUNTS"),
    *("S3PY_FILESYSTEM__ROOT", "S3PY_S3", "S3PY_S3__ENDPOINT", "S3PY_S3__ACCESS_KEY_ID", "S3PY_S3__PROXY"),
    *("S3PY_S3__DEFAULT_BUCKET", "S3PY_S3__PERF__READ_TIMEOUT", "S3PY_FASTDFS__TRACKER_SERVERS", "S3PY_FASTDFS"),
    *("S3PY_FASTDFS__ADDRESS_MAP", "S3PY_S3__PERF", "S3PY_ENDPONT"),
)
# What an environment can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
VALUES = TEXTS | st.sampled_from(
    [
        "",
        "s3",
        "hybrid",
        "-1",
        "1e999",
        "NaN",
        "[]",
        "{}",
        "[1, {}]",
        '{"a": null}',
        "http://[",
        "http://127.0.0.1:99999",
    ]
)
MARK = "hunter2-do-not-show"


@given(st.dictionaries(st.sampled_from(VARIABLES), VALUES, max_size=6), st.sets(st.sampled_from(SECRETS)), TEXTS)
def test_any_environment(variables: dict[str, str], secrets: set[str], odd: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("S3PY_")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        for name in secrets:
            patch.setenv(name, MARK + odd)
        refusal = "S3PY_"
        try:
            load_settings()
        except InvalidArgumentException as error:
            refusal = str(error)
    assert "S3PY_" in refusal
    assert MARK not in refusal
