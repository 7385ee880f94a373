"""Conditional requests."""

from tests.integration.old_links.row import F, Row, Setup

_DELETED = "the module takes the date from the id and asks for no file; a deleted one is deleted"
_EMPTY = "RFC 9110, 8.6: a 304 says no other length than that of the file; RFC 9112, 6.3: it has no body anyway"
_NEWER = "RFC 9110, 13.1.3: a file that is older than the date has not been modified since"
_BEHIND = "the module sends the whole file behind the status, so that the next answer on the connection is lost"
_BESIDE = "RFC 9110, 13.1.3: If-Modified-Since is ignored beside If-None-Match"
_GARBAGE = "RFC 9110, 13.1.4: what is no date is ignored"
_LOOKED_AT = "RFC 9110, 13.2.2: conditions come before Range; the module does not look at them there"
_IF_RANGE = "RFC 9110, 13.1.5: a part of another version is of no use; the module ignores If-Range"

EQUAL = "If-Modified-Since: {date}"


def _row(
    header: str,
    module: str,
    ours: str = "",
    why: str = "",
    *,
    more: tuple[str, ...] = (),
    method: str = "GET",
    of: str = "file",
    strict: str = "",
) -> Row:
    headers = tuple(line.replace("{date", f"{{{of}:date") for line in (header, *more))
    return Row(f"/group1/{{{of}}}", module, ours, why, strict, method=method, headers=headers, of=of)


MODIFIED_SINCE = (
    *(
        Row(
            f"/group1/{{{of}}}",
            "304",
            why=_EMPTY,
            headers=(f"If-Modified-Since: {{{of}:date}}", *more),
            of=of,
            method=method,
            tells={"Content-Length": None},
            module_tells={"Content-Length": "0"},
        )
        for of in ("file", "m01", "slave", "appender", "regenerated", "empty")
        for method, more in (("GET", ()), ("HEAD", ()), ("GET", ("Range: bytes=0-9",)))
    ),
    _row(EQUAL, "304", more=("Range: bytes=900-",)),
    _row(EQUAL, "304", "404", _DELETED, of="deleted"),
    _row("If-Modified-Since: {date-1}", "200"),
    _row("If-Modified-Since: {date-1000000}", "200"),
    _row("If-Modified-Since: {date-1}", "206 0-9", more=("Range: bytes=0-9",)),
    _row("If-Modified-Since: {date-1}", "200", method="HEAD"),
    _row("If-Modified-Since: {date+1}", "200", "304", _NEWER),
    _row("If-Modified-Since: {date+1000000}", "200", "304", _NEWER),
    _row("If-Modified-Since: garbage", "200"),
    _row("If-Modified-Since: 1700000000", "200"),
    _row("If-Modified-Since: ", "200"),
    _row("If-Modified-Since: {date_rfc850}", "304", "304", _BEHIND),
    _row("If-Modified-Since: {date_asctime}", "304", "304", _BEHIND),
    _row("If-Modified-Since: {date_rfc850}", "206 0-9", "304", _LOOKED_AT, more=("Range: bytes=0-9",)),
)

OTHERS = (
    _row('If-None-Match: "another"', "200"),
    _row("If-None-Match: garbage", "200"),
    _row('If-None-Match: W/"another", "one"', "200"),
    _row("If-None-Match: *", "304", "304", _BEHIND),
    _row("If-None-Match: *", "206 0-9", "304", _LOOKED_AT, more=("Range: bytes=0-9",)),
    _row(
        'If-None-Match: "{file:name}"',
        "200",
        "304",
        "the entity tag that is sent here; the module sends none",
        strict="304",
    ),
    _row('If-None-Match: "another"', "304", "200", _BESIDE, more=(EQUAL,)),
    _row("If-None-Match: *", "404", of="deleted"),
    _row("If-Unmodified-Since: {date-1}", "412", "412", _BEHIND),
    _row("If-Unmodified-Since: {date-1}", "206 0-9", "412", _LOOKED_AT, more=("Range: bytes=0-9",)),
    _row("If-Unmodified-Since: {date}", "200"),
    _row("If-Unmodified-Since: {date+1}", "200"),
    _row("If-Unmodified-Since: garbage", "412", "200", _GARBAGE),
    _row("If-Unmodified-Since: {date-1}", "404", of="deleted"),
    _row('If-Match: "another"', "412", "412", _BEHIND),
    _row('If-Match: "another"', "206 0-9", "412", _LOOKED_AT, more=("Range: bytes=0-9",)),
    _row('If-Match: "another"', "404", of="deleted"),
    _row("If-Match: *", "200"),
    _row("If-Match: *", "206 0-9", more=("Range: bytes=0-9",)),
)

IF_RANGE = (
    *(
        _row(f"If-Range: {value}", "206 0-9", ours, _IF_RANGE if ours else "", more=("Range: bytes=0-9",))
        for value, ours in (
            ("{date}", ""),
            ("{date-1}", "200"),
            ("{date+1}", "200"),
            ('"another"', "200"),
            ('W/"another"', "200"),
            ("garbage", "200"),
            ('"{file:name}"', ""),
        )
    ),
    Row(F, "200", headers=("If-Range: {file:date}",)),
    Row("/{file}", "304", setup=Setup.NO_GROUP, headers=("If-Modified-Since: {file:date}",)),
    Row("/{file}", "206 0-9", setup=Setup.NO_GROUP, headers=("If-Range: {file:date}", "Range: bytes=0-9")),
)

CONDITIONS = (*MODIFIED_SINCE, *OTHERS, *IF_RANGE)
