"""How browsers are told to treat a download."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.content_disposition import content_disposition
from s3py_helper.entrypoints.http.media_types import may_show_inline, media_type


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("two words.txt", 'attachment; filename="two words.txt"'),
        ("Größe.txt", "attachment; filename=\"Gr__e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt"),
        ("尺寸", "attachment; filename=\"__\"; filename*=UTF-8''%E5%B0%BA%E5%AF%B8"),
        ('a"b\\c.txt', "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%5Cc.txt"),
        ("100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
        ("it's (1)*.txt", 'attachment; filename="it\'s (1)*.txt"'),
        ("é'*().txt", "attachment; filename=\"_'*().txt\"; filename*=UTF-8''%C3%A9%27%2A%28%29.txt"),
        ("a\r\nSet-Cookie: b", "attachment; filename=\"a__Set-Cookie: b\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b"),
        ("", "attachment"),
        (None, "attachment"),
    ],
)
def test_names_are_written_as_the_rfcs_say(name: str | None, value: str) -> None:
    assert content_disposition(name) == value


@given(st.text(min_size=1))
def test_any_name_makes_a_valid_header_that_gives_it_back(name: str) -> None:
    value = content_disposition(name)
    assert re.fullmatch(
        r'attachment; filename="[^"\\\x00-\x1f\x7f-\uffff]*"(; filename\*=UTF-8\'\'[\w!#$&+.^`|~%-]+)?', value
    )
    _, _, extended = value.partition("filename*=UTF-8''")
    assert (unquote(extended) if extended else value.split('"')[1]) == name


def test_inline_is_written_when_asked_for() -> None:
    assert content_disposition("a.png", inline=True) == 'inline; filename="a.png"'


@pytest.mark.parametrize(
    ("content_type", "safe"),
    [
        ("image/png", True),
        ("IMAGE/JPEG", True),
        ("video/mp4", True),
        ("audio/ogg; codecs=opus", True),
        ("application/pdf", True),
        ("text/plain; charset=utf-8", True),
        ("image/svg+xml", False),
        ("Image/SVG+XML; charset=utf-8", False),
        ("text/html", False),
        ("application/xhtml+xml", False),
        ("text/xml", False),
        ("application/javascript", False),
        ("application/octet-stream", False),
    ],
)
def test_only_what_cannot_run_scripts_is_shown_inline(content_type: str, *, safe: bool) -> None:
    assert may_show_inline(content_type) is safe


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("text/plain", "text/plain"),
        ("text/plain;charset=utf-8", "text/plain;charset=utf-8"),
        ('multipart/mixed; boundary="a b"', 'multipart/mixed; boundary="a b"'),
        ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        (None, "application/octet-stream"),
        ("", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("text/html\n", "application/octet-stream"),
        ("tëxt/html", "application/octet-stream"),
        ("text/plain; n=ä", "application/octet-stream"),
    ],
)
def test_a_stored_type_is_sent_only_if_it_is_one(stored: str | None, sent: str) -> None:
    assert media_type(stored) == sent
