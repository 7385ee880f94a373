"""A misspelt setting is named, with the nearest right one: it must not leave a default in force."""

import logging
import os
from pathlib import Path

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.settings import load_settings

SECRET = "wJalrXUtnFEMI"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in [name for name in os.environ if name.startswith("S3PY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _refusal() -> str:
    with pytest.raises(InvalidArgumentException) as refused:
        load_settings()
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


MISSPELT = [
    ("S3PY_MOD", "S3PY_MODE"),
    ("s3py_mod", "S3PY_MODE"),
    ("S3PY_BUCKET", "S3PY_BUCKETS"),
    ("S3PY_TOKEN", "S3PY_API_TOKEN"),
    ("S3PY_MODE__X", "S3PY_MODE"),
    ("S3PY_ENDPOINT", "S3PY_S3__ENDPOINT"),
    ("S3PY_S3_ENDPOINT", "S3PY_S3__ENDPOINT"),
    ("S3PY_S3__ENDPONT", "S3PY_S3__ENDPOINT"),
    ("S3PY_S3__SECRET_KEY", "S3PY_S3__SECRET_ACCESS_KEY"),
    ("S3PY_S3__PERF__MAX_RETRYS", "S3PY_S3__PERF__MAX_RETRIES"),
    ("S3PY_FASTDFS__TRACKER_SERVER", "S3PY_FASTDFS__TRACKER_SERVERS"),
    ("S3PY_FILESYSTEM__ROOTS", "S3PY_FILESYSTEM__ROOT"),
    ("S3PY_FILE_TYPES__BLACK_LIST", "S3PY_FILE_TYPES__BLACKLIST"),
    ("S3PY_FUSION__ENABLE_FASTDFS_DELET", "S3PY_FUSION__ENABLE_FASTDFS_DELETE"),
    ("S3PY_TOKENS__WEB__SHA265", "S3PY_TOKENS__<NAME>__SHA256"),
    ("S3PY_TOKENS__WEB__SCOPE", "S3PY_TOKENS__<NAME>__SCOPES"),
    ("S3YP_MODE", "S3PY_MODE"),
    ("SP3Y_S3__ENDPOINT", "S3PY_S3__ENDPOINT"),
]


@pytest.mark.parametrize(("written", "meant"), MISSPELT)
def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    monkeypatch.setenv(written, SECRET)
    assert f"{written.upper()}: there is no such setting, did you mean {meant}" in _refusal()


@pytest.mark.parametrize(("written", "meant"), MISSPELT)
def test_a_misspelt_line_of_the_file_is_named_too(tmp_path: Path, written: str, meant: str) -> None:
    (tmp_path / ".env").write_text(f"{written}={SECRET}\n")
    assert f"{written.upper()}: there is no such setting, did you mean {meant}" in _refusal()


def test_a_variable_unlike_any_other_leads_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_XYZZY", "1")
    assert _refusal() == "S3PY_XYZZY: there is no such setting; docs/configuration.md lists all"


def test_a_misspelt_argument_is_named() -> None:
    with pytest.raises(InvalidArgumentException, match="did you mean S3PY_HOST"):
        load_settings(hots="127.0.0.1")


def test_each_misspelt_variable_is_named_once_and_beside_the_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("S3PY_MOD", "S3PY_S3__ENDPONT", "S3PY_PORT"):
        monkeypatch.setenv(name, "x")
    refusal = _refusal()
    assert "S3PY_PORT: " in refusal
    assert "S3PY_S3__ENDPOINT: Field required" in refusal
    assert refusal.count("no such setting") == 2


@pytest.mark.parametrize(
    "name",
    [
        "S3_MODE",
        "SPY_MODE",
        "MODE",
        "AWS_S3_ENDPOINT",
        "S3PYTHON_MODE",
        # Kubernetes sets these beside a service that is called s3py.
        "S3PY_SERVICE_HOST",
        "S3PY_SERVICE_PORT",
        "S3PY_SERVICE_PORT_HTTP",
        "S3PY_PORT_8000_TCP",
        "S3PY_PORT_8000_TCP_ADDR",
    ],
)
def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert load_settings().port == 8000


def test_a_port_that_kubernetes_sets_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_PORT", "tcp://10.96.0.1:8000")
    assert "enableServiceLinks" in _refusal()


def test_a_key_of_a_mapping_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_FASTDFS__TRACKER_SERVERS", "127.0.0.1:22122")
    monkeypatch.setenv("S3PY_FASTDFS__ADDRESS_MAP__TRACKER", "127.0.0.1")
    fastdfs = load_settings().fastdfs
    assert fastdfs is not None
    assert fastdfs.address_map == {"tracker": "127.0.0.1"}


def test_a_setting_of_another_version_is_accepted_with_a_note(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("S3PY_S3__ENDPOINT", "http://127.0.0.1:9000")
    monkeypatch.setenv("S3PY_S3__PERF__ZIP_STREAM_QUEUE_SIZE", "16")
    with caplog.at_level(logging.WARNING):
        assert load_settings().s3 is not None
    assert "zip_stream_queue_size has no effect" in caplog.text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"S3PY_MODE: {SECRET}\n", 1),
        (f"S3PY_PORT=1\n\n# a note\n\nS3PY_S3__SECRET_ACCESS_KEY {SECRET}\n", 5),
        (f'A=1\nS3PY_API_TOKEN="{SECRET}\n', 2),
        (f"\n\nset S3PY_API_TOKEN={SECRET}\n", 3),
        (f"S3PY_API_TOKEN='{SECRET}' {SECRET}\n", 1),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / ".env").write_text(text)
    assert f".env, line {line}: it cannot be read, write NAME=value" in _refusal()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"S3PY_MODE=\xff\n", "is not UTF-8 text"),
        ("S3PY_MODE=s3\n".encode("utf-16"), "is not UTF-8 text"),
        ("S3PY_MODE=s3\n".encode("utf-16-le"), "is not UTF-8 text: it contains NUL characters"),
    ],
)
def test_a_file_in_another_encoding_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    assert f"the file .env {reason}" in _refusal()


def test_a_file_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert "the file .env cannot be read: Is a directory" in _refusal()


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfS3PY_PORT=1\n")
    assert load_settings().port == 1


def test_what_other_programs_write_into_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\nexport S3PY_PORT = 1  # a port\n\nANYTHING='else'\nINHERITED\nPEM=\"-----\nabc\n-----\"\n"
    )
    assert load_settings().port == 1
