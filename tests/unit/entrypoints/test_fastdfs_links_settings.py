"""What a deployment may say about old links."""

from pathlib import Path

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig
from s3py_helper.entrypoints.http.fastdfs_links import deny_page
from s3py_helper.entrypoints.http.fastdfs_links.deny_page import DenyPage
from s3py_helper.entrypoints.settings import load_settings


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"secret": " "}, "secret: it is blank"),
        ({"ttl": -1}, "ttl"),
        ({"default_group": "a/b"}, "default_group"),
        ({"group_in_path": False}, "a default_group is needed"),
        ({"deny_page": "no.jpg"}, "with a secret only"),
        ({"cache_control": "no-store\r\nX: y"}, "cache_control"),
        ({"accel_location": "/_s3/"}, "set redirect_above"),
        ({"accel_location": "_s3", "redirect_above": 1}, "accel_location"),
        ({"secrets": "a"}, "secrets"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidArgumentException, match=told):
        FastdfsLinksConfig(**given)


def test_variables_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "S3PY_MODE": "fastdfs",
        "S3PY_FASTDFS__TRACKER_SERVERS": "127.0.0.1:22122",
        "S3PY_FASTDFS_LINKS__ENABLED": "true",
        "S3PY_FASTDFS_LINKS__SECRET": "a secret",
        "S3PY_FASTDFS_LINKS__TTL": "60",
        "S3PY_FASTDFS_LINKS__GROUP_IN_PATH": "false",
        "S3PY_FASTDFS_LINKS__DEFAULT_GROUP": "group1",
        "S3PY_FASTDFS_LINKS__DENY_PAGE": "anti-steal.jpg",
        "S3PY_FASTDFS_LINKS__STRICT": "true",
        "S3PY_FASTDFS_LINKS__REDIRECT_ABOVE": "1MiB",
        "S3PY_FASTDFS_LINKS__ACCEL_LOCATION": "/_s3/",
        "S3PY_FASTDFS_LINKS__CACHE_CONTROL": "public, max-age=60",
    }.items():
        monkeypatch.setenv(name, value)
    config = load_settings().kit_config().fastdfs_links
    assert config == FastdfsLinksConfig(
        enabled=True,
        secret="a secret",
        ttl=60,
        group_in_path=False,
        default_group="group1",
        deny_page=Path("anti-steal.jpg"),
        strict=True,
        redirect_above=1024 * 1024,
        accel_location="/_s3/",
        cache_control="public, max-age=60",
    )
    assert "a secret" not in repr(config)


@pytest.mark.parametrize("mode", ["filesystem", "s3"])
def test_links_need_ids_of_fastdfs(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S3PY_MODE", mode)
    monkeypatch.setenv("S3PY_S3__ENDPOINT", "http://127.0.0.1:8333")
    monkeypatch.setenv("S3PY_FASTDFS_LINKS__ENABLED", "true")
    with pytest.raises(InvalidArgumentException, match="needs ids of FastDFS"):
        load_settings()
    monkeypatch.setenv("S3PY_FASTDFS_LINKS__ENABLED", "false")
    load_settings()


def test_a_deny_page_is_read_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentException, match=r"no\.jpg cannot be read: No such file"):
        DenyPage.read(tmp_path / "no.jpg", strict=False)
    page = tmp_path / "page.html"
    page.write_bytes(b"no")
    assert DenyPage.read(page, strict=False) == DenyPage(b"no", "text/html", 403)
    assert DenyPage.read(page, strict=True).status == 200
    monkeypatch.setattr(deny_page, "MAX_BYTES", 1)
    with pytest.raises(InvalidArgumentException, match="2 bytes, 1 are allowed"):
        DenyPage.read(page, strict=False)
