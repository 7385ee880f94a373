"""`?filename=` and other queries."""

from tests.integration.old_links.row import F, Row, Setup

_ANY_SCRIPT = "RFC 6266, 4.3: a name in any script, and a likeness of it for old clients"
_ESCAPED = "what is not escaped takes over the header"
_SPLIT = "line ends would begin a header, or the body: header injection"
_LAST = "RFC 6266, 4.3: a client is not to be led into other folders"
_WHOLE = "the module cuts names at 232 bytes, and the extension with them"
_UNNAMED = "an empty name is none"
_DISPOSITION = "Content-Disposition"


def _row(
    query: str,
    module: str | None,
    ours: str | None = "",
    why: str = "",
    *,
    strict: str | None = "",
    status: str = "200",
    method: str = "GET",
    headers: tuple[str, ...] = (),
    of: str = "file",
) -> Row:
    here = module if ours == "" else ours
    strictly = here if strict == "" else strict
    return Row(
        f"/group1/{{{of}}}{query}",
        status,
        why=why,
        method=method,
        headers=headers,
        of=of,
        tells={_DISPOSITION: here},
        module_tells={_DISPOSITION: module} if why else None,
        strict_tells={_DISPOSITION: strictly},
    )


def _saved(name: str) -> str:
    return f'attachment; filename="{name}"'


PLAIN = (
    _row("?filename=a.jpg", _saved("a.jpg")),
    _row("?filename=a.jpg", _saved("a.jpg"), method="HEAD"),
    _row("?filename=a.jpg", _saved("a.jpg"), status="206 0-9", headers=("Range: bytes=0-9",)),
    _row("?filename=a.jpg", _saved("a.jpg"), status="206 0-9,300-309", headers=("Range: bytes=0-9,300-309",)),
    _row("?filename=a+b%20c.jpg", _saved("a b c.jpg")),
    _row("?filename=a,b;c=(d)&x=y", _saved("a,b;c=(d)")),
    _row("?filename=%61%2Ejpg", _saved("a.jpg")),
    _row(
        "?filename=a%2525",
        _saved("a%25"),
        "attachment; filename=\"a_25\"; filename*=UTF-8''a%2525",
        "RFC 6266, appendix D: clients decode %25",
        strict=_saved("a%25"),
    ),
    _row(
        "?filename=a%zz",
        _saved("a%zz"),
        "attachment; filename=\"a_zz\"; filename*=UTF-8''a%25zz",
        "RFC 6266, appendix D: clients decode %zz",
        strict=_saved("a%zz"),
    ),
    _row("?filename=a&filename=b", _saved("a")),
    _row("?a=b&filename=c", _saved("c")),
    _row("?filename", None),
    _row("?FILENAME=a", None),
    _row("?file%6Eame=a", None),
    _row("?filename=", _saved(""), "attachment", _UNNAMED, strict=_saved("")),
    _row("?filename=a.png", _saved("a.png")),
    _row("?filename=x", None, status="404", of="deleted"),
    _row("?filename=a.jpg", _saved("a.jpg"), of="slave"),
    Row("/{file}?filename=a.jpg", "200", setup=Setup.NO_GROUP, tells={_DISPOSITION: _saved("a.jpg")}),
)

_GERMAN = "Größe.jpg"
_CHINESE = "报告.pdf"

SPECIAL = (
    _row(
        "?filename=Gr%C3%B6%C3%9Fe.jpg",
        _saved(_GERMAN.encode().decode("latin-1")),
        "attachment; filename=\"Gr__e.jpg\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.jpg",
        _ANY_SCRIPT,
        strict=_saved(_GERMAN.encode().decode("latin-1")),
    ),
    _row(
        "?filename=%E6%8A%A5%E5%91%8A.pdf",
        _saved(_CHINESE.encode().decode("latin-1")),
        "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf",
        _ANY_SCRIPT,
        strict=_saved(_CHINESE.encode().decode("latin-1")),
    ),
    _row(
        "?filename=%B1%A8%B8%E6.pdf",
        _saved("\xb1\xa8\xb8\xe6.pdf"),
        "attachment; filename=\"____.pdf\"; filename*=UTF-8''%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD.pdf",
        _ANY_SCRIPT,
        strict=_saved("\xb1\xa8\xb8\xe6.pdf"),
    ),
    _row(
        "?filename=a%22b.jpg",
        _saved('a"b.jpg'),
        "attachment; filename=\"a_b.jpg\"; filename*=UTF-8''a%22b.jpg",
        _ESCAPED,
        strict=_saved("a_b.jpg"),
    ),
    _row(
        "?filename=a.jpg%22;%20filename*=UTF-8''evil.exe",
        _saved("a.jpg\"; filename*=UTF-8''evil.exe"),
        "attachment; filename=\"a.jpg_; filename*=UTF-8''evil.exe\"; "
        "filename*=UTF-8''a.jpg%22%3B%20filename%2A%3DUTF-8%27%27evil.exe",
        _ESCAPED,
        strict=_saved("a.jpg_; filename*=UTF-8''evil.exe"),
    ),
    _row("?filename=a%5Cb.jpg", _saved("a\\b.jpg"), _saved("b.jpg"), _LAST, strict=_saved("a_b.jpg")),
    _row("?filename=C%3A%5Cx%5Cy.doc", _saved("C:\\x\\y.doc"), _saved("y.doc"), _LAST, strict=_saved("C:_x_y.doc")),
    _row(
        "?filename=../../etc/passwd",
        _saved("../../etc/passwd"),
        _saved("passwd"),
        _LAST,
        strict=_saved("../../etc/passwd"),
    ),
    _row(
        "?filename=..%2F..%2Fetc%2Fpasswd",
        _saved("../../etc/passwd"),
        _saved("passwd"),
        _LAST,
        strict=_saved("../../etc/passwd"),
    ),
    _row("?filename=a%09b", _saved("a\tb"), _saved("ab"), _SPLIT, strict=_saved("a_b")),
    _row(
        "?filename=a%00b", _saved("a"), _saved("ab"), "a NUL ends no text here, and is left out", strict=_saved("a_b")
    ),
    *(
        Row(
            F + "?filename=" + name,
            module,
            "200",
            _SPLIT,
            tells={"X-Evil": None, _DISPOSITION: disposition},
            module_tells={},
            strict_tells={"X-Evil": None, _DISPOSITION: strictly},
        )
        for name, module, disposition, strictly in (
            ("a%0D%0AX-Evil:%201", "200", _saved("aX-Evil: 1"), _saved("a__X-Evil: 1")),
            ("a%0AX-Evil:%201", "200", _saved("aX-Evil: 1"), _saved("a_X-Evil: 1")),
            ("a%0DX-Evil:%201", "200", _saved("aX-Evil: 1"), _saved("a_X-Evil: 1")),
            ("a%0D%0A%0D%0A%3Chtml%3E", "200 any", _saved("a<html>"), _saved("a____<html>")),
            (
                "a%22%0D%0AX-Evil:%201",
                "200",
                "attachment; filename=\"a_X-Evil: 1\"; filename*=UTF-8''a%22X-Evil%3A%201",
                _saved("a___X-Evil: 1"),
            ),
            ("a%C2%85X-Evil:%201", "200", _saved("aX-Evil: 1"), _saved("a\xc2\x85X-Evil: 1")),
        )
    ),
    _row("?filename=" + "a" * 300 + ".jpg", _saved("a" * 232), _saved("a" * 300 + ".jpg"), _WHOLE),
)

QUERIES = tuple(
    Row(F + query, "200")
    for query in (
        "?",
        "??",
        "?&&&",
        "?=x",
        "?x",
        "?x=y&z",
        "?attname=a.jpg",
        "?token=wrong&ts=1",
        "?redirect=1",
        "?a=%00",
        "?a=%0D%0AX-Evil:1",
        "?%ff=%fe",
        "?a=b%zz",
        "?" + "x" * 300,
    )
)

_FLV = "players that asked for pieces of FLV by `start` have gone with Flash; the whole film is never wrong"

FILMS = (
    Row("/group1/{film}", "200", of="film", tells={"Content-Type": "video/x-flv"}),
    Row("/group1/{film}?start=0", "200", of="film"),
    Row("/group1/{film}?start=abc", "200", of="film"),
    Row("/group1/{film}?start=100", "200 flv", "200", _FLV, of="film"),
    Row("/group1/{film}?start=100&end=200", "200 flv", "200", _FLV, of="film"),
    Row("/group1/{film}?start=5000", "400", "200", _FLV, of="film"),
)

FILE_NAMES = (*PLAIN, *SPECIAL, *QUERIES, *FILMS)
