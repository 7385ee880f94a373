"""Parts of the file of 900 bytes."""

from tests.integration.old_links.row import F, Row

_ZERO = "RFC 9110, 14.1.2: the first byte; the module takes the end 0 for the end of the file"
_NONE = "RFC 9110, 14.1.2: the last 0 bytes are none"
_WHERE = "RFC 9110, 15.5.17: a 416 says how long the file is"
_IGNORED = "RFC 9110, 14.2: a range that is malformed is ignored"
_UNIT = "RFC 9110, 14.2: a unit that is not known is ignored; the module skips six characters unseen"
_SOME = "RFC 9110, 14.1.2: those of several ranges that the file has are sent"
_MERGED = "RFC 9110, 15.3.7.2: ranges that overlap or nearly touch are sent as one, in the order of the file"
_LENGTH = "the module has room for 63 characters"
_SPACED = "RFC 9110, 14.1.1: no blanks within a range: it is malformed, and ignored"
_HEAD = "RFC 9110, 14.2: only GET knows ranges"


def _row(
    value: str, module: str, ours: str = "", why: str = "", *, strict: str = "", method: str = "GET", of: str = "file"
) -> Row:
    return Row(f"/group1/{{{of}}}", module, ours, why, strict, headers=(f"Range: {value}",), method=method, of=of)


ONE = tuple(
    _row(value, module)
    for value, module in (
        ("bytes=0-99", "206 0-99"),
        ("bytes=100-199", "206 100-199"),
        ("bytes=1-1", "206 1-1"),
        ("bytes=899-899", "206 899-899"),
        ("bytes=0-", "206 0-899"),
        ("bytes=800-", "206 800-899"),
        ("bytes=-1", "206 899-899"),
        ("bytes=-100", "206 800-899"),
        ("bytes=-900", "206 0-899"),
        ("bytes=-5000", "206 0-899"),
        ("bytes=800-5000", "206 800-899"),
        ("bytes=0-899", "206 0-899"),
        ("bytes=0-99999999999999999999", "206 0-899"),
        ("bytes=0000-0009", "206 0-9"),
        ("Bytes=0-9", "206 0-9"),
        ("BYTES=0-9", "206 0-9"),
    )
)

DEVIATING = (
    _row("bytes=0-0", "206 0-899", "206 0-0", _ZERO, strict="206 0-899"),
    _row("bytes=5-0", "206 5-899", "200", _IGNORED, strict="206 5-899"),
    _row("bytes=1-0", "206 1-899", "200", _IGNORED, strict="206 1-899"),
    _row("bytes=-0", "206 0-899", "416 */900", _NONE, strict="206 0-899"),
    *(
        _row(f"bytes={value}", "416", "416 */900", _WHERE)
        for value in ("900-", "900-950", "901-901", "99999999999999999999-")
    ),
    *(
        _row(value, "416", "200", _IGNORED, strict="416")
        for value in (
            "bytes=200-100",
            "bytes=abc",
            "bytes=",
            "bytes=-",
            "bytes=5",
            "bytes=5-abc",
            "bytes=1.5-3",
            "bytes=--5",
            "",
            "bytes",
            "bytes=0x0-9",
        )
    ),
    _row("bytes = 1-9", "416", "206 1-9", "blanks around the sign harm nobody", strict="416"),
    _row("bytes= 1-9", "206 1-9"),
    _row("bytes=1- 9", "206 1-9", "200", _SPACED, strict="206 1-9"),
    _row("bytes=+5-10", "206 5-10", "200", _IGNORED, strict="206 5-10"),
    _row("items=0-9", "206 0-9", "200", _UNIT, strict="206 0-9"),
    _row("nones=0-9", "206 0-9", "200", _UNIT, strict="206 0-9"),
    _row("bytes 0-9", "206 0-9", "200", _UNIT, strict="206 0-9"),
    _row("seconds=0-9", "416", "200", _UNIT, strict="416"),
    _row("b=0-9", "416", "200", _UNIT, strict="416"),
)

SEVERAL = (
    _row("bytes=0-9,300-309", "206 0-9,300-309"),
    _row("bytes=0-9, 300-309", "206 0-9,300-309"),
    _row("bytes=0-9,200-209,400-409", "206 0-9,200-209,400-409"),
    _row("bytes=0-9,200-209,400-409,600-609,800-809", "206 0-9,200-209,400-409,600-609,800-809"),
    _row("bytes=0-9,-10", "206 0-9,890-899"),
    _row("bytes=0-9,890-", "206 0-9,890-899"),
    _row("bytes=300-309,0-9", "206 300-309,0-9", "206 0-9,300-309", _MERGED),
    _row("bytes=0-9,20-29", "206 0-9,20-29", "206 0-29", _MERGED),
    _row("bytes=0-99,50-149", "206 0-99,50-149", "206 0-149", _MERGED),
    _row("bytes=0-9,0-9", "206 0-9,0-9", "206 0-9", _MERGED),
    _row("bytes=0-9,900-", "416", "206 0-9", _SOME),
    _row("bytes=0-9,300-309,901-910", "416", "206 0-9,300-309", _SOME),
    _row("bytes=900-,901-", "416", "416 */900", _WHERE),
    _row("bytes=0-9,", "416", "206 0-9", "RFC 9110, 5.6.1.2: empty elements of a list are ignored", strict="416"),
    _row("bytes=,0-9", "416", "206 0-9", "RFC 9110, 5.6.1.2: empty elements of a list are ignored", strict="416"),
    _row("bytes=0-9,abc", "416", "200", _IGNORED, strict="416"),
    _row(
        "bytes=0-1,200-201,350-351,500-501,650-651,800-801",
        "416",
        "206 0-1,200-201,350-351,500-501,650-651,800-801",
        "the module knows five ranges at most",
        strict="416",
    ),
    _row("bytes=" + ",".join(f"{at}-{at}" for at in range(0, 900, 45)), "400", "206 0-855", _LENGTH, strict="400"),
    _row("bytes=" + "0" * 60 + "1-9", "400", "206 1-9", _LENGTH, strict="400"),
    Row(
        F,
        "206 0-9",
        "200|206 0-9|206 0-9,300-309",
        "RFC 9110, 5.3: what is sent twice is a list, or malformed",
        headers=("Range: bytes=0-9", "Range: bytes=300-309"),
    ),
)

OTHERWISE = (
    _row("bytes=0-9", "206 0-9", "200", _HEAD, method="HEAD"),
    _row("bytes=900-", "416", "200", _HEAD, method="HEAD"),
    _row("bytes=0-0", "416", "416 */0", _WHERE, of="empty"),
    _row("bytes=0-", "416", "416 */0", _WHERE, of="empty"),
    _row("bytes=-5", "416", "200", "RFC 9110, 14.1.2: the last 5 bytes of an empty file are all of it", of="empty"),
    _row("bytes=0-9", "404", of="deleted"),
    _row("abc", "416", "404", "whether there is a file comes first", of="deleted", strict="416"),
    *(_row("bytes=1-9", "206 1-9", of=of) for of in ("m01", "slave", "appender", "regenerated", "bare")),
    Row("/group2/{other}", "206 1-9", headers=("Range: bytes=1-9",), of="other"),
)

RANGES = (*ONE, *DEVIATING, *SEVERAL, *OTHERWISE)
