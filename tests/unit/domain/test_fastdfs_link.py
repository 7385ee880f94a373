"""Paths and queries as they come in, and as they are made."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException
from s3py_helper.domain.fastdfs_link import (
    LinkPath,
    LinkQuery,
    file_name_in,
    link_path,
    parse_link_path,
    parse_link_query,
    plain_link,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.nginx_media_types import nginx_media_type

FACTS = "fwAFA2sHTw6ASkvmAAADhM27pd8"
NAME = f"M00/00/00/{FACTS}047.jpg"


@pytest.mark.parametrize(
    ("path", "group", "name"),
    [
        (f"/group1/{NAME}", "group1", NAME),
        (f"/{NAME}", None, NAME),
        (f"//group1//{NAME.replace('/', '//')}", "group1", NAME),
        ("/M00/AB/CD/x", None, "M00/AB/CD/x"),
        ("/M00/M01/00/00/x", "M00", "M01/00/00/x"),
        ("/group1/m00/00/00/x", "group1", "m00/00/00/x"),
        ("/group1/MZZ/00/x", "group1", "MZZ/00/x"),
        ("/X00/00/00/x", None, "X00/00/00/x"),
        ("/group1/M00/../../etc/passwd", "group1", "M00/../../etc/passwd"),
    ],
)
def test_a_path_has_a_group_or_none(path: str, group: str | None, name: str) -> None:
    assert parse_link_path(path) == LinkPath(group, name)


@pytest.mark.parametrize("path", [f"/group1/{NAME}", f"/{NAME}", f"/M00/{NAME}"])
def test_what_is_a_link_beyond_doubt_is_read_at_once(path: str) -> None:
    assert plain_link(path) == parse_link_path(path) is not None


@pytest.mark.parametrize(
    "path", [NAME, f"//{NAME}", f"/group1//{NAME}", f"/{NAME}\n", f"/{NAME}/x", f"/a/b/{NAME}", "/"]
)
def test_what_may_be_a_link_is_left_to_a_closer_look(path: str) -> None:
    assert plain_link(path) is None


@pytest.mark.parametrize("path", ["", "/", "/x", "/favicon.ico", "/files/upload", "/docs", "/group1/M00", "/../etc"])
def test_other_paths_are_no_links(path: str) -> None:
    found = parse_link_path(path)
    assert found is None or found.name == "M00"


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        NAME.replace("M00/00/00", "MFF/A0/0F"),
        NAME.replace(".jpg", "_150x150.jpg"),
        NAME.replace(".jpg", "-big"),
        NAME.replace(".jpg", "_@2x.tar.gz"),
        NAME.replace("047.jpg", "0471234"),
    ],
)
def test_the_id_is_that_of_the_file(name: str) -> None:
    assert LinkPath("group1", name).file_id() == f"group1/{name}"
    assert LinkPath(None, name).file_id("g") == f"g/{name}"
    assert FileId.parse(f"g/{name}").key == name


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (LinkPath(None, NAME), "no default group"),
        (LinkPath("gröup", NAME), "no group"),
        (LinkPath("g" * 17, NAME), "no group"),
        (LinkPath("g", NAME[:43]), "34 characters"),
        (LinkPath("g", NAME.replace(".jpg", "")), "34 characters"),
        (LinkPath("g", NAME.replace("M00", "m00")), "34 characters"),
        (LinkPath("g", NAME.replace("M00/00", "M00/0a")), "34 characters"),
        (LinkPath("g", NAME.replace("M00/00/00", "M00/00")), "34 characters"),
        (LinkPath("g", NAME.replace("M00/00/00", "M00/00/00/00")), "34 characters"),
        (LinkPath("g", NAME + "/"), "34 characters"),
        (LinkPath("g", "M00/../../" + "x" * 40), "34 characters"),
        (LinkPath("g", NAME.replace(FACTS, "*" + FACTS[1:])), "no server made"),
    ],
)
def test_what_is_no_id_is_refused(path: LinkPath, problem: str) -> None:
    with pytest.raises(InvalidArgumentException, match=problem):
        path.file_id()


@pytest.mark.parametrize("tail", ["-m", "?filename=x", " ", "\n", "é", '"', "#x", "%2e", "\\x", "x" * 100, "\0"])
def test_no_file_has_such_a_name(tail: str) -> None:
    with pytest.raises(FileNotFoundException):
        LinkPath("group1", NAME + tail).file_id()


@given(st.text(max_size=150))
def test_any_path_gives_an_id_or_an_error(text: str) -> None:
    for path in (text, f"/group1/M00/00/00/{text}", f"/g/{NAME}{text}"):
        found = parse_link_path(path)
        if found is None:
            continue
        try:
            FileId.parse(found.file_id("g"))
        except (InvalidArgumentException, FileNotFoundException):
            continue


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", LinkQuery()),
        (b"token=a&ts=1", LinkQuery("a", "1")),
        (b"ts=1&x=y&token=a", LinkQuery("a", "1")),
        (b"token=a&token=b&ts=1&ts=2", LinkQuery("a", "1")),
        (b"token=%61&ts=%31", LinkQuery("a", "1")),
        (b"t%6Fken=a&TS=1", LinkQuery()),
        (b"token&ts", LinkQuery()),
        (b"token=&ts=", LinkQuery("", "")),
        (b"filename=a+b%20c%zz%e4;d=e", LinkQuery(filename=b"a b c%zz\xe4;d=e")),
        (b"filename=", LinkQuery(filename=b"")),
        (b"?filename=x&&&&=x&attname=", LinkQuery()),
        (b"token=\xff&ts=%ff", LinkQuery("\xff", "\xff")),
    ],
)
def test_a_query_is_read_as_the_module_does(query: bytes, expected: LinkQuery) -> None:
    assert parse_link_query(query) == expected


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (b"a b.txt", "a b.txt"),
        ("Größe.txt".encode(), "Größe.txt"),
        (b"\xe4.txt", "\ufffd.txt"),
        (b"a\r\nX-Evil: 1", "aX-Evil: 1"),
        (b"a\0b\tc\x1b", "abc"),
        (b"../../etc/passwd", "passwd"),
        (b"C:\\x\\y.doc", "y.doc"),
        (b"a/", ""),
        (b"", ""),
    ],
)
def test_a_file_name_is_safe_to_save(filename: bytes, expected: str) -> None:
    assert file_name_in(filename) == expected


def test_a_link_reads_back() -> None:
    url = link_path("group1", NAME, filename="Größe & Maß.txt", token=("abc", 5))
    parts = urlsplit(url)
    assert parse_link_path(parts.path) == LinkPath("group1", NAME)
    assert parse_link_query(parts.query.encode()) == LinkQuery("abc", "5", "Größe & Maß.txt".encode())
    assert parse_qs(parts.query)["ts"] == ["5"]
    assert link_path(None, NAME) == f"/{NAME}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.JPG", "image/jpeg"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.js", "application/javascript"),
        ("a.html", "text/html"),
        ("a.unknown", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("jpg", "application/octet-stream"),
        ("a.exe", "application/octet-stream"),
        ("a.mp4", "video/mp4"),
        ("a.htm", "text/html"),
        ("a.css", "text/css"),
        ("a.xml", "text/xml"),
        ("a.gif", "image/gif"),
        ("a.jpeg", "image/jpeg"),
        ("a.txt", "text/plain"),
        ("a.png", "image/png"),
        ("a.svg", "image/svg+xml"),
        ("a.tif", "image/tiff"),
        ("a.webp", "image/webp"),
        ("a.ico", "image/x-icon"),
        ("a.bmp", "image/x-ms-bmp"),
        ("a.json", "application/json"),
        ("a.doc", "application/msword"),
        ("a.pdf", "application/pdf"),
        ("a.rtf", "application/rtf"),
        ("a.xls", "application/vnd.ms-excel"),
        ("a.ppt", "application/vnd.ms-powerpoint"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("a.7z", "application/x-7z-compressed"),
        ("a.rar", "application/x-rar-compressed"),
        ("a.zip", "application/zip"),
        ("a.mp3", "audio/mpeg"),
        ("a.ogg", "audio/ogg"),
        ("a.m4a", "audio/x-m4a"),
        ("a.ts", "video/mp2t"),
        ("a.mpg", "video/mpeg"),
        ("a.mov", "video/quicktime"),
        ("a.webm", "video/webm"),
        ("a.flv", "video/x-flv"),
        ("a.wmv", "video/x-ms-wmv"),
        ("a.avi", "video/x-msvideo"),
    ],
)
def test_types_are_those_of_nginx(name: str, expected: str) -> None:
    assert nginx_media_type(name) == expected
