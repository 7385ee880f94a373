"""Links for downloads and uploads: who signs them, with what, and how they are written."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3py_helper.domain.errors import InvalidArgumentException, RouteNotSupportedException
from s3py_helper.entrypoints.cli import running
from s3py_helper.entrypoints.cli.linking import LinkOptions, lifetime_of, link
from s3py_helper.entrypoints.cli.upload_linking import UploadLinkOptions, link_uploads

HOUR = timedelta(hours=1)


class Links:
    """Notes what is to be signed; may have keys of the service's own, and a backend that can sign or cannot."""

    def __init__(self, *, keys: bool, backend: bool) -> None:
        self.service_links = object() if keys else None
        self.can_link_uploads = backend
        self.asked: list[tuple[object, ...]] = []
        self._backend = backend

    async def can_link(self, _file_id: str) -> bool:
        return self._backend

    async def fastdfs_link(self, *given: object, **named: object) -> str:
        return self._noted("fastdfs", *given, named)

    async def service_link(self, *given: object, **named: object) -> str:
        return self._noted("service", *given, named)

    async def download_link(self, *given: object, **named: object) -> str:
        return self._noted("backend", *given, named)

    def service_upload_link(self, *given: object, **named: object) -> str:
        return self._noted("service", *given, named)

    async def upload_link(self, *given: object, **named: object) -> SimpleNamespace:
        url = self._noted("backend", *given, named)
        return SimpleNamespace(url=url, headers={"content-type": "t/t", "x-a": "b c"}, file_id="s3:b/é")

    def _noted(self, *asked: object) -> str:
        self.asked.append(asked)
        if asked[1] == "refused":
            raise RouteNotSupportedException("no links for this one")
        return f"http://127.0.0.9/{asked[0]}?a&b"


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Links:
    monkeypatch.chdir(tmp_path)
    links = Links(keys=False, backend=True)

    @asynccontextmanager
    async def services(_config: object) -> AsyncGenerator[Any]:
        yield SimpleNamespace(link_service=links)

    monkeypatch.setattr(running, "open_services", services)
    return links


@pytest.mark.parametrize(
    ("options", "keys", "backend", "asked"),
    [
        (LinkOptions(), False, True, ("backend", "a", HOUR, {"file_name": None, "inline": False})),
        (LinkOptions(), True, True, ("backend", "a", HOUR, {"file_name": None, "inline": False})),
        (LinkOptions(), True, False, ("service", "a", HOUR, {"file_name": None, "inline": False})),
        (LinkOptions(), False, False, ("backend", "a", HOUR, {"file_name": None, "inline": False})),
        (
            LinkOptions("2d", "n", inline=True, through_service=True), False, True,
            ("service", "a", timedelta(days=2), {"file_name": "n", "inline": True}),
        ),
        (LinkOptions("9m", "n", fastdfs=True), True, True, ("fastdfs", "a", timedelta(minutes=9), {"file_name": "n"})),
        (LinkOptions("never", fastdfs=True), True, True, ("fastdfs", "a", None, {"file_name": None})),
    ],
)  # fmt: skip
def test_a_link_is_signed_by_who_can(
    links: Links, capsys: pytest.CaptureFixture[str], options: LinkOptions, keys: bool, backend: bool,
    asked: tuple[object, ...],
) -> None:  # fmt: skip
    links.__init__(keys=keys, backend=backend)  # type: ignore[misc]  # the fixture has handed it out already
    assert link(["a"], options) == 0
    assert links.asked == [asked]
    assert capsys.readouterr() == (f"http://127.0.0.9/{asked[0]}?a&b\n", "")


def test_links_of_several_files_are_written_as_objects(links: Links, capsys: pytest.CaptureFixture[str]) -> None:
    assert link(["é", "refused", "b"], LinkOptions(as_json=True)) == 4
    out, err = capsys.readouterr()
    url = "http://127.0.0.9/backend?a&b"
    assert out == "".join(json.dumps({"file_id": each, "url": url}, ensure_ascii=False) + "\n" for each in ("é", "b"))
    assert err == "s3py: no links for this one\n"
    assert len(links.asked) == 3


@pytest.mark.usefixtures("links")
def test_only_links_of_fastdfs_work_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert link(["a"], LinkOptions("never", through_service=True)) == 2
    assert capsys.readouterr() == ("", "s3py: only links of FastDFS never expire: give a time, or --fastdfs\n")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("0s", 0)])
def test_a_lifetime_has_a_unit(text: str, seconds: int) -> None:
    assert lifetime_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "-1h", "1.5h", "1h ", "1234567890s", "1H"])
def test_what_is_no_lifetime_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentException, match="a lifetime is written 90s, 15m, 1h or 7d"):
        lifetime_of(text)


ALL = UploadLinkOptions("9s", "f", "b", "t/t", {"k": "v"})


@pytest.mark.parametrize(
    ("options", "keys", "backend", "asked"),
    [
        (ALL, False, True, ("backend", "-n", timedelta(seconds=9), "f", "b", {"k": "v"}, {"content_type": "t/t"})),
        (UploadLinkOptions(), True, True, ("backend", "-n", HOUR, None, None, {}, {"content_type": None})),
        (
            UploadLinkOptions("9s", "f", "b", max_size=0), True, False,
            ("service", "-n", timedelta(seconds=9), "f", "b", {"content_type": None, "max_size": 0}),
        ),
        (
            UploadLinkOptions(content_type="t/t", through_service=True), False, True,
            ("service", "-n", HOUR, None, None, {"content_type": "t/t", "max_size": None}),
        ),
    ],
)  # fmt: skip
def test_an_upload_link_is_signed_by_who_can(
    links: Links, capsys: pytest.CaptureFixture[str], options: UploadLinkOptions, keys: bool, backend: bool,
    asked: tuple[object, ...],
) -> None:  # fmt: skip
    links.__init__(keys=keys, backend=backend)  # type: ignore[misc]  # as above
    assert link_uploads(["-n"], options) == 0
    assert links.asked == [asked]
    if asked[0] == "backend":
        headers = "-H 'content-type: t/t' -H 'x-a: b c' "
    else:
        headers = "" if options.content_type is None else "-H 'content-type: t/t' "
    assert capsys.readouterr().out == f"curl -fg -T ./-n {headers}'http://127.0.0.9/{asked[0]}?a&b'\n"


def test_upload_links_are_written_as_objects(links: Links, capsys: pytest.CaptureFixture[str]) -> None:
    assert link_uploads(["n"], UploadLinkOptions(as_json=True)) == 0
    url = "http://127.0.0.9/backend?a&b"
    headers = '{"content-type": "t/t", "x-a": "b c"}'
    assert (
        capsys.readouterr().out == f'{{"url": "{url}", "method": "PUT", "headers": {headers}, "file_id": "s3:b/é"}}\n'
    )
    assert link_uploads(["n"], UploadLinkOptions(as_json=True, through_service=True)) == 0
    assert capsys.readouterr().out == ('{"url": "http://127.0.0.9/service?a&b", "method": "PUT", "headers": {}}\n')


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (UploadLinkOptions(metadata={"k": "v"}, through_service=True), "links to the service take no --metadata"),
        (UploadLinkOptions(max_size=0), "links to S3 itself bound no size: --max-size needs --service"),
    ],
)
def test_what_no_link_can_hold_is_refused(
    links: Links, capsys: pytest.CaptureFixture[str], options: UploadLinkOptions, why: str
) -> None:
    assert link_uploads(["n"], options) == 2
    assert capsys.readouterr() == ("", f"s3py: {why}\n")
    assert links.asked == []
