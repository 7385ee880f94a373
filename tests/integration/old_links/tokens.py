"""Tokens: right, wrong, missing, expired."""

from tests.integration.old_links.row import F, Row, Setup, Sign

_PICTURE = "the picture with a status that says what it means: no cache keeps it for the file"
_ODD = "a moment that no client writes: the module reads it as C's atoi does"
_LATER = "the module's 32 bits end in 2038, and links must not"

T = F + "?token={token}&ts={ts}"

RIGHT = (
    *(
        Row(target, "200", setup=setup, sign=sign, method=method)
        for setup in (Setup.TOKEN, Setup.DENY)
        for method in ("GET", "HEAD")
        for target, sign in (
            (T, Sign()),
            (T, Sign(ts=None)),
            (T, Sign(ts=10**6)),
            (T, Sign(ts=-880)),
        )
    ),
    Row(T, "206 0-9", setup=Setup.TOKEN, sign=Sign(), headers=("Range: bytes=0-9",)),
    Row(F + "?ts={ts}&token={token}", "200", setup=Setup.TOKEN, sign=Sign()),
    Row(F + "?a=b&token={token}&c&ts={ts}&d=e", "200", setup=Setup.TOKEN, sign=Sign()),
    Row(F + "?token={token:encoded}&ts={ts}", "200", setup=Setup.TOKEN, sign=Sign()),
    Row(T + "&token={token}&ts={ts}", "200", setup=Setup.TOKEN, sign=Sign()),
    Row(T + "&token=wrong&ts=1", "200", setup=Setup.TOKEN, sign=Sign()),
    Row(
        T + "&filename=a.jpg",
        "200",
        setup=Setup.TOKEN,
        sign=Sign(),
        tells={"Content-Disposition": 'attachment; filename="a.jpg"'},
    ),
    Row("//group1//{file}?token={token}&ts={ts}", "200", setup=Setup.TOKEN, sign=Sign()),
    Row("/group1/{file:encoded}?token={token}&ts={ts}", "200", setup=Setup.TOKEN, sign=Sign()),
    Row("/group1/{slave}?token={token}&ts={ts}", "200", setup=Setup.TOKEN, sign=Sign("{slave}"), of="slave"),
    Row("/group1/{deleted}?token={token}&ts={ts}", "404", setup=Setup.TOKEN, sign=Sign("{deleted}"), of="deleted"),
    Row("/group1/{file:as_png}?token={token}&ts={ts}", "404", setup=Setup.TOKEN, sign=Sign("{file:as_png}")),
    Row("/group1/M00/00/00/short?token={token}&ts={ts}", "400", setup=Setup.TOKEN, sign=Sign("M00/00/00/short")),
    Row(T, "304", setup=Setup.TOKEN, sign=Sign(), headers=("If-Modified-Since: {file:date}",)),
)

_WRONG: tuple[tuple[str, Sign], ...] = (
    (T, Sign(ts=-1000)),
    (T, Sign(ts=-(10**8))),
    (F + "?token={token:upper}&ts={ts}", Sign()),
    (T, Sign("group1/{file}")),
    (T, Sign("{slave}")),
    (T, Sign("{file:as_png}")),
    (T, Sign(secret="another")),
    (T, Sign(secret="")),
    (F + "?token={token:cut1}&ts={ts}", Sign()),
    (F + "?token={token}0&ts={ts}", Sign()),
    (F + "?token=&ts={ts}", Sign()),
    (F + "?token={token}&ts={ts}1", Sign()),
    (F + "?token={token}&ts=0", Sign()),
    (F + "?token=wrong&ts={ts}&token={token}", Sign()),
    ("/group1/{slave}?token={token}&ts={ts}", Sign()),
    ("/group1/{deleted}?token=wrong&ts={ts}", Sign()),
)

WRONG = tuple(Row(target, "400", setup=Setup.TOKEN, sign=sign) for target, sign in _WRONG) + tuple(
    Row(target, "200 deny", "403 deny", _PICTURE, strict="200 deny", setup=Setup.DENY, sign=sign, of="deny")
    for target, sign in _WRONG
)

DENIED = (
    Row("/group1/M00/00/00/short?token=wrong&ts={ts}", "400", setup=Setup.TOKEN, sign=Sign()),
    Row(
        "/group1/M00/00/00/short?token=wrong&ts={ts}",
        "400",
        "403 deny",
        "the token goes first, whatever the path: nothing is told without it",
        strict="200 deny",
        setup=Setup.DENY,
        sign=Sign(),
        of="deny",
    ),
    Row(
        F + "?token=wrong&ts=0",
        "200 deny",
        "403 deny",
        _PICTURE,
        strict="200 deny",
        setup=Setup.DENY,
        sign=Sign(),
        of="deny",
        tells={"Content-Type": "image/jpeg", "Last-Modified": None, "Cache-Control": "no-store"},
        module_tells={"Content-Type": "image/jpeg", "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"},
        strict_tells={"Content-Type": "image/jpeg"},
    ),
    Row(
        F + "?token=wrong&ts=0",
        "304",
        "403 deny",
        _PICTURE,
        strict="200 deny",
        setup=Setup.DENY,
        of="deny",
        headers=("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",),
    ),
    Row(
        F + "?token=wrong&ts=0",
        "200 deny",
        "403 deny",
        _PICTURE,
        strict="200 deny",
        setup=Setup.DENY,
        of="deny",
        headers=("Range: bytes=0-9",),
    ),
    Row(
        F + "?token=wrong&ts=0",
        "200 any",
        "403 deny",
        "as above; and the module sends the picture's bytes behind the answer to HEAD",
        strict="200 deny",
        setup=Setup.DENY,
        of="deny",
        method="HEAD",
    ),
    Row(
        F + "?token=wrong&ts=0&filename=x",
        "200 deny",
        "403 deny",
        _PICTURE,
        strict="200 deny",
        setup=Setup.DENY,
        of="deny",
        tells={"Content-Disposition": None},
        strict_tells={"Content-Disposition": None},
    ),
)

MISSING = tuple(
    Row(F + query, "400", setup=setup, sign=Sign())
    for setup in (Setup.TOKEN, Setup.DENY)
    for query in (
        "",
        "?",
        "?ts={ts}",
        "?token={token}",
        "?token&ts={ts}",
        "?token={token}&ts",
        "?TOKEN={token}&ts={ts}",
        "?token={token}&TS={ts}",
        "?t%6Fken={token}&ts={ts}",
        "?token={token};ts={ts}",
    )
)

ODD = (
    *(
        Row(F + f"?token={{token}}&ts={moment}", "200", "400", _ODD, setup=Setup.TOKEN, sign=Sign(ts=signed))
        for moment, signed in (
            ("%2B2100000000", "2100000000"),
            ("002100000000", "2100000000"),
            ("2100000000x", "2100000000"),
            ("", "0"),
            ("abc", "0"),
        )
    ),
    Row(F + "?token={token}&ts=-5", "400", setup=Setup.TOKEN, sign=Sign(ts="-5")),
    Row(T, "400", "200", _LATER, setup=Setup.TOKEN, sign=Sign(ts="4000000000")),
)

TOKENS = (*RIGHT, *WRONG, *DENIED, *MISSING, *ODD)
