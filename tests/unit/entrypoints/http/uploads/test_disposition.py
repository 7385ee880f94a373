"""How clients name the files of a form."""

from base64 import b64encode
from email.header import Header
from quopri import encodestring
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.entrypoints.http.uploads.disposition import file_name_of, parse_disposition

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="%\\"), min_size=1)


def _named(header: bytes) -> str | None:
    parameters = parse_disposition(b'form-data; name="file"; ' + header)
    assert parameters is not None
    assert parameters["name"] == b"file"
    return file_name_of(parameters)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b'filename="a.txt"', "a.txt"),
        (b"filename=a.txt", "a.txt"),
        (b'FileName = "a.txt" ', "a.txt"),
        (b'filename="a;b=c, d.txt"', "a;b=c, d.txt"),
        (b'filename=""', ""),
        ('filename="Größe 尺寸.txt"'.encode(), "Größe 尺寸.txt"),
        (rb'filename="say \"hi\".txt"', 'say "hi".txt'),
        (rb'filename="a\\b.txt"', r"a\b.txt"),
        (b'filename="say %22hi%22.txt"', 'say "hi".txt'),
        (b'filename="100%.txt"', "100%.txt"),
        (rb'filename="C:\dir\new.txt"', "new.txt"),
        (rb'filename="\\\\server\share\new.txt"', "new.txt"),
        # Encoded words, as libraries made for mail write them.
        (b'filename="=?utf-8?B?R3LDtsOfZS50eHQ=?="', "Größe.txt"),
        (b'filename="=?UTF-8?b?R3LDtsOfZS50eHQ=?="', "Größe.txt"),
        (b'filename="=?utf-8?Q?Gr=C3=B6=C3=9Fe_1.txt?="', "Größe 1.txt"),
        (b'filename="=?utf-8*en?Q?a.txt?="', "a.txt"),
        (b'filename="=?iso-8859-1?Q?Gr=F6=DFe.txt?="', "Größe.txt"),
        (b'filename="=?GB2312?B?s9+05y50eHQ=?="', "尺寸.txt"),
        (b'filename="=?utf-8?B?R3LDtsOf?= =?utf-8?Q?e.txt?="', "Größe.txt"),
        (b'filename="=?us-ascii?B?YS50eHQ=?="', "a.txt"),
        (b'filename="=?windows-1251?B?zvL3uPIudHh0?="', "Отчёт.txt"),
        (b'filename="=?Big5?B?pKSk5S50eHQ=?="', "中文.txt"),
        (b'filename="=?Shift_JIS?B?k/qWey50eHQ=?="', "日本.txt"),
        (b'filename="=?EUC-KR?B?x9GxuS50eHQ=?="', "한국.txt"),
        (b'filename="=?KOI8-R?B?79Teo9QudHh0?="', "Отчёт.txt"),
        (b'filename="=?ISO-2022-JP?B?GyRCRnxLXBsoQi50eHQ=?="', "日本.txt"),
        (b'filename="=?gb18030?B?s9+05y50eHQ=?="', "尺寸.txt"),
        # What only looks like one is a name.
        (b'filename="=?utf-8?B?R3L.DtsOfZS50eHQ=?="', "=?utf-8?B?R3L.DtsOfZS50eHQ=?="),
        (b'filename="=?utf-8?B?R3LDtsOfZS50eHQ?="', "=?utf-8?B?R3LDtsOfZS50eHQ?="),
        (b'filename="=?utf-8?B?/w==?="', "=?utf-8?B?/w==?="),
        (b'filename="=?rot13?Q?abc?="', "=?rot13?Q?abc?="),
        (b'filename="=?unicode_escape?Q?abc?="', "=?unicode_escape?Q?abc?="),
        (b'filename="=?none?Q?abc?="', "=?none?Q?abc?="),
        (b'filename="=?utf-8?X?abc?="', "=?utf-8?X?abc?="),
        (b'filename="=?utf-8?Q?a?= b.txt"', "=?utf-8?Q?a?= b.txt"),
        (b'filename="a =?utf-8?Q?b?="', "a =?utf-8?Q?b?="),
        # The extended form goes first where it can be read.
        (b"filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt", "Größe.txt"),
        (b"filename*=utf-8'de'Gr%c3%b6%c3%9fe.txt", "Größe.txt"),
        (b"filename*=ISO-8859-1''Gr%F6%DFe.txt", "Größe.txt"),
        (b"filename*=UTF-8''a.txt; filename=b.txt", "a.txt"),
        (b"filename=b.txt; filename*=UTF-8''a%22.txt", 'a".txt'),
        (b"filename=b.txt; filename*=UTF-8''%FF", "b.txt"),
        (b"filename=b.txt; filename*=a.txt", "b.txt"),
        (b"filename*=a.txt", None),
        (b"other=1", None),
        (b"", None),
    ],
)
def test_the_name_is_found_whichever_way_it_is_written(header: bytes, name: str | None) -> None:
    assert _named(header) == name


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"form-data name=a",
        b"attachment; name=a",
        b'form-data; name="a',
        b'form-data; name="a" junk',
        b'form-data; name="a"junk"',
        b'form-data; name="a\\"',
        b"form-data; name",
        b"form-data; =a",
        b'form-data; name="a"; name="b"',
        b'form-data; name="a"; filename="harmless.txt"; filename="evil.exe"',
        b'form-data; name="a"; filename="harmless.txt"; FILENAME="evil.exe"',
        b"form-data; name=a; filename*=utf-8''a; filename*=utf-8''b",
    ],
)
def test_a_malformed_header_has_no_parameters(header: bytes) -> None:
    assert parse_disposition(header) is None


@pytest.mark.parametrize("header", [b"form-data; name=a;", b"form-data ;name = a ; ", b'FORM-DATA;name="a"'])
def test_small_liberties_are_taken(header: bytes) -> None:
    assert parse_disposition(header) == {"name": b"a"}


@given(names)
def test_every_name_comes_through(name: str) -> None:
    quoted = name.replace('"', '\\"')
    if not name.startswith("=?"):
        assert _named(f'filename="{quoted}"'.encode()) == name
        browser = name.replace('"', "%22")
        assert _named(f'filename="{browser}"'.encode()) == name
    assert _named(f"filename*=UTF-8''{quote(name, safe='')}".encode()) == name
    assert _named(b'filename="=?utf-8?B?' + b64encode(name.encode()) + b'?="') == name
    in_q = encodestring(name.encode(), quotetabs=True, header=True).replace(b"=\n", b"").replace(b"?", b"=3F")
    in_q = in_q.replace(b'"', b"=22")
    assert _named(b'filename="=?utf-8?Q?' + in_q + b'?="') == name


@given(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=100))
def test_every_name_of_a_mail_library_comes_through(name: str) -> None:
    folded = Header(name, "utf-8", maxlinelen=75).encode(linesep=" ")
    assert _named(f'filename="{folded}"'.encode()) == name


@pytest.mark.timeout(10)
@given(st.binary(max_size=200))
def test_no_header_is_an_error(header: bytes) -> None:
    for text in (header, b"form-data;" + header, b'form-data;name="' + header, b"form-data;filename*=" + header):
        parameters = parse_disposition(text)
        if parameters is not None:
            try:
                file_name_of(parameters)
            except UnicodeDecodeError:
                assert any(byte > 127 for byte in header)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", [b" ", b";", b'"', b"\\", b"a", b";a=", b'\\"', b"=?utf-8?Q?a", b"=?a?Q??= "])
def test_long_headers_take_no_time(piece: bytes) -> None:
    long = piece * (16_000 // len(piece))
    for header in (
        long,
        b"form-data; a=" + long,
        b'form-data; filename="' + long + b'"',
        b"form-data; filename*=" + long,
    ):
        parameters = parse_disposition(header)
        if parameters is not None:
            file_name_of(parameters)
