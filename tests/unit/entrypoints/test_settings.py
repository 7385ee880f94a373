"""What deployments are told from outside."""

import json
import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.routing import StorageMode
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.container import mounts
from s3py_helper.entrypoints.container.mounts import ENTRY_POINTS
from s3py_helper.entrypoints.settings import Settings, is_loopback, load_settings

S3 = {"S3PY_MODE": "s3", "S3PY_S3__ENDPOINT": "http://127.0.0.1:9000", "S3PY_S3__DEFAULT_BUCKET": "mine"}
FASTDFS = {"S3PY_FASTDFS__TRACKER_SERVERS": "10.0.0.1:22122"}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in [name for name in os.environ if name.startswith("S3PY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _load(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_without_any_setting_files_go_to_a_folder_here() -> None:
    settings = load_settings()
    assert settings.mode is StorageMode.FILESYSTEM
    assert settings.filesystem.root == Path("data")
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.kit_config().validator.max_file_size is None


def test_variables_reach_every_group(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _load(
        monkeypatch,
        S3
        | {
            "S3PY_MODE": "hybrid",
            "S3PY_S3__PERF__PARTS_IN_FLIGHT": "2",
            "S3PY_FASTDFS__TRACKER_SERVERS": "10.0.0.1:22122, 10.0.0.2:22122",
            "S3PY_FUSION__ENABLE_FASTDFS_DELETE": "false",
            "S3PY_FILE_TYPES__BLACKLIST": "exe,.bat",
            "S3PY_MAX_FILE_SIZE": "5GiB",
            "S3PY_FILESYSTEM__DURABILITY": "no",
        },
    )
    config = settings.kit_config()
    assert config.s3 is not None
    assert config.s3.perf is not None
    assert config.s3.perf.parts_in_flight == 2
    assert config.fastdfs is not None
    assert config.fastdfs.tracker_servers == ["10.0.0.1:22122", "10.0.0.2:22122"]
    assert not config.fusion.enable_fastdfs_delete
    assert config.validator.file_type_config.blacklist == ["exe", ".bat"]
    assert config.validator.max_file_size == 5 * 1024**3
    assert settings.filesystem.root == Path("data")
    assert not settings.filesystem.durability


@pytest.mark.parametrize("text", ["10.0.0.5:23000=127.0.0.1:1, 10.0.0.6 = localhost", None])
def test_pairs_are_read_from_text_and_json(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    pairs = {"10.0.0.5:23000": "127.0.0.1:1", "10.0.0.6": "localhost"}
    settings = _load(monkeypatch, FASTDFS | {"S3PY_FASTDFS__ADDRESS_MAP": text or json.dumps(pairs)})
    assert settings.fastdfs is not None
    assert settings.fastdfs.address_map == pairs


def test_lists_are_read_from_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _load(monkeypatch, {"S3PY_FILE_TYPES__WHITELIST": '["pdf", "txt"]', "S3PY_BUCKETS": "[]"})
    assert settings.file_types.whitelist == ["pdf", "txt"]


def test_the_environment_goes_before_the_file_and_what_is_given_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("S3PY_PORT=1\nS3PY_FILESYSTEM__ROOT=from-file\nANYTHING=else\n")
    assert (load_settings().port, load_settings().filesystem.root) == (1, Path("from-file"))
    monkeypatch.setenv("S3PY_PORT", "2")
    assert load_settings().port == 2
    assert load_settings(port=3).port == 3


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _load(monkeypatch, {"S3PY_MODE": "", "S3PY_MAX_FILE_SIZE": "", "S3PY_API_TOKEN": ""}) == load_settings()


@pytest.mark.parametrize(
    ("variables", "served"),
    [
        ({}, {"files"}),
        ({"S3PY_FILESYSTEM__DEFAULT_BUCKET": "docs"}, {"docs"}),
        ({"S3PY_BUCKETS": "a, b"}, {"files", "a", "b"}),
        ({"S3PY_BUCKETS": "a,, b, "}, {"files", "a", "b"}),
        ({"S3PY_BUCKETS": "*"}, None),
        (S3, {"mine"}),
        (S3 | {"S3PY_BUCKETS": "theirs"}, {"mine", "theirs"}),
        (S3 | {"S3PY_S3__BUCKETS": "one,two"}, {"mine", "one", "two"}),
        (S3 | FASTDFS | {"S3PY_MODE": "hybrid"}, {"mine"}),
    ],
)
def test_only_the_buckets_of_the_deployment_are_served(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], served: set[str] | None
) -> None:
    assert _load(monkeypatch, variables).kit_config().buckets == served


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"S3PY_MODE": "s3"}, "S3PY_S3__ENDPOINT"),
        ({"S3PY_MODE": "fastdfs"}, "S3PY_FASTDFS__TRACKER_SERVERS"),
        ({"S3PY_MODE": "hybrid"} | FASTDFS, "S3PY_S3__ENDPOINT"),
        (S3 | {"S3PY_MODE": "hybrid"}, "S3PY_FASTDFS__TRACKER_SERVERS"),
        ({"S3PY_S3__REGION": "x"}, "S3PY_S3__ENDPOINT: Field required"),
        ({"S3PY_MODE": "tape"}, "S3PY_MODE: Input should be 's3', 'fastdfs', 'hybrid', 'filesystem' or 'mounted'"),
        ({"S3PY_PORT": "http"}, "S3PY_PORT: "),
        ({"S3PY_PORT": "70000"}, "S3PY_PORT: "),
        ({"S3PY_MAX_FILE_SIZE": "big"}, "S3PY_MAX_FILE_SIZE: "),
        ({"S3PY_MAX_FILE_SIZE": "-1"}, "S3PY_MAX_FILE_SIZE: "),
        ({"S3PY_CONCURRENT_UPLOADS": "0"}, "S3PY_CONCURRENT_UPLOADS: "),
        ({"S3PY_FILE_TYPES__WHITELIST": "[1"}, "S3PY_FILE_TYPES: whitelist is not valid JSON"),
        (FASTDFS | {"S3PY_FASTDFS__ADDRESS_MAP": "x"}, "S3PY_FASTDFS: address_map is not of the form name=value"),
        (FASTDFS | {"S3PY_FASTDFS__ADDRESS_MAP": "{"}, "S3PY_FASTDFS: address_map is not valid JSON"),
        ({"S3PY_S3__ENDPOINT": "here"}, "S3PY_S3__ENDPOINT: "),
        ({"S3PY_FASTDFS__TRACKER_SERVERS": "here"}, "S3PY_FASTDFS__TRACKER_SERVERS: "),
        ({"S3PY_S3": "http://x"}, "S3PY_S3: "),
        ({"S3PY_HOST": "0.0.0.0"}, "set S3PY_API_TOKEN as well"),
        ({"S3PY_HOST": "::"}, "S3PY_HOST=::"),
        ({"S3PY_HOST": "example.org"}, "set S3PY_API_TOKEN as well"),
        ({"S3PY_API_TOKEN": "  "}, "S3PY_API_TOKEN: it is blank"),
        ({"S3PY_TOKENS__WEB__SHA256": "x" * 64}, "S3PY_TOKENS__WEB__SHA256: it is the SHA-256 of the token"),
        ({"S3PY_TOKENS__WEB__SHA256": "0" * 64}, "S3PY_TOKENS__WEB__SCOPES: Field required"),
        (
            {"S3PY_TOKENS__WEB__SHA256": "0" * 64, "S3PY_TOKENS__WEB__SCOPES": "read, rite"},
            "S3PY_TOKENS__WEB__SCOPES: ",
        ),
        ({"S3PY_TOKENS__WEB__FOLDER": "/"}, "S3PY_TOKENS__WEB__FOLDER: it is empty"),
        ({"S3PY_FOLDERS": "a, /"}, "a folder of those that are served has no name"),
        ({"S3PY_FOLDERS": "a/../b"}, "invalid folder 'a/../b'"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidArgumentException) as error:
        _load(monkeypatch, variables).kit_config()
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentException, match=r"S3PY_MODE: .*; S3PY_PORT: "):
        _load(monkeypatch, {"S3PY_MODE": "tape", "S3PY_PORT": "x"})


def test_a_file_env_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"S3PY_MODE=\xff\n")
    with pytest.raises(InvalidArgumentException, match=r"\.env is not UTF-8"):
        load_settings()


@pytest.mark.parametrize("token", ["s3cret-token", "x"])
def test_other_machines_are_let_in_only_with_a_token(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    settings = _load(monkeypatch, {"S3PY_HOST": "0.0.0.0", "S3PY_API_TOKEN": token})
    assert settings.api_token is not None
    assert settings.api_token.get_secret_value() == token


def test_tokens_have_names_of_the_deployments_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _load(
        monkeypatch,
        {
            "S3PY_HOST": "0.0.0.0",
            "S3PY_TOKENS__WEB__SHA256": "AB" * 32,
            "S3PY_TOKENS__WEB__SCOPES": "read, list",
            "S3PY_TOKENS__NIGHT_JOB__SHA256": "0" * 64,
            "S3PY_TOKENS__NIGHT_JOB__SCOPES": '["write"]',
            "S3PY_TOKENS__NIGHT_JOB__FOLDER": "/in/box",
        },
    )
    assert settings.has_tokens
    assert {name: (token.sha256, token.scopes, token.folder) for name, token in settings.tokens.items()} == {
        "web": ("ab" * 32, frozenset({Action.READ, Action.LIST}), None),
        "night_job": ("0" * 64, frozenset({Action.WRITE}), "in/box/"),
    }


def test_no_secret_shows_in_settings_or_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"S3PY_S3__ACCESS_KEY_ID": "id", "S3PY_S3__SECRET_ACCESS_KEY": "s3cret-key"}
    secrets = key | {"S3PY_API_TOKEN": "s3cret-token"}
    shown = repr(_load(monkeypatch, S3 | secrets))
    assert "s3cret" not in shown
    monkeypatch.delenv("S3PY_S3__ENDPOINT")
    with pytest.raises(InvalidArgumentException) as error:
        load_settings()
    assert "s3cret" not in str(error.value)


def test_no_secret_shows_when_settings_are_made_by_hand() -> None:
    with pytest.raises(ValueError, match="endpoint") as error:
        Settings(_env_file=None, s3={"access_key_id": "id", "secret_access_key": "s3cret-key"})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_are_loopback(host: str, *, only_here: bool) -> None:
    assert is_loopback(host) is only_here


def test_a_backend_of_an_installed_package_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = EntryPoint("shelf", "s3py_helper.adapters.memory.mount:open_backend", ENTRY_POINTS)
    monkeypatch.setattr(mounts, "entry_points", lambda *, group: [offered] if group == ENTRY_POINTS else [])
    config = _load(monkeypatch, {"S3PY_MODE": "mounted", "S3PY_MOUNTS": "shelf"}).kit_config()
    assert [mount.scheme for mount in config.mounts] == ["shelf"]
    assert config.policy.new_files == "shelf"
    beside = _load(
        monkeypatch, {"S3PY_MODE": "filesystem", "S3PY_MOUNTS": "shelf", "S3PY_NEW_FILES": "shelf"}
    ).kit_config()
    assert beside.policy.backends == ("filesystem", "shelf")
    assert beside.policy.new_files == "shelf"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"S3PY_MOUNTS": "shelf"}, "no installed package offers a backend 'shelf'; there are: broken"),
        ({"S3PY_MOUNTS": "broken"}, "cannot be imported"),
        ({"S3PY_MODE": "mounted"}, "mode 'mounted' needs a mounted store"),
        ({"S3PY_NEW_FILES": "shelf"}, "new files cannot go to 'shelf'"),
    ],
)
def test_a_backend_that_cannot_be_mounted_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    broken = EntryPoint("broken", "s3py_helper.no_such_module:open_backend", ENTRY_POINTS)
    monkeypatch.setattr(mounts, "entry_points", lambda *, group: [broken] if group == ENTRY_POINTS else [])
    with pytest.raises(InvalidArgumentException) as refused:
        _load(monkeypatch, variables).kit_config()
    assert told in str(refused.value)
