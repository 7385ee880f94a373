"""Ids and paths, right ones, broken ones, and those that mean harm."""

from tests.integration.old_links.row import F, Row, Setup, Sign

_NO_LINK = "it is no path of a link: other things may be served there"
_PATHS = "how many store paths a server had is not known here; nothing is there"
_DOTS = "dot segments are never resolved here: a client that means a file says so"
_CASE = "no such group, or no such file: both are the truth"

BOTH_FORMS = (
    Row("/{file}", "400", "200", "both forms are taken where a default group is set", strict="400"),
    Row("/group1/{file}", "400", "200", "both forms are taken", setup=Setup.NO_GROUP, strict="400"),
    Row("/{file}", "200", setup=Setup.NO_GROUP),
    Row("/{m01}", "200", setup=Setup.NO_GROUP, of="m01"),
    Row("/{slave}", "200", setup=Setup.NO_GROUP, of="slave"),
    Row("/{file}", "200", setup=Setup.NO_GROUP, method="HEAD"),
)

NORMALISED = (
    Row("//group1//{file:slashes}", "200"),
    Row("///group1/{file}", "200"),
    Row("/%67roup1/{file}", "200"),
    Row("/group1/{file:encoded}", "200"),
    Row("/group1%2F{file:encoded_slashes}", "200"),
    Row("/group1/M%30%30{file:behind_store_path}", "200"),
    Row("/./group1/{file}", "200", "404", _DOTS),
    Row("/group1/./{file}", "200", "404", _DOTS),
    Row("/group2/../group1/{file}", "200", "404", _DOTS),
    Row("/group1/M00/../{file}", "200", "400", _DOTS),
)

BROKEN = (
    Row("/", "400", "404", _NO_LINK),
    Row("/x", "400", "404", _NO_LINK),
    Row("/favicon.ico", "400", "404", _NO_LINK),
    Row("/group1", "400", "404", _NO_LINK),
    Row("/group1/", "400", "404", _NO_LINK),
    Row("/group1/M00/", "400"),
    Row("/group1/M00/00/00/", "400"),
    Row("/group1/M00/00/00/short.jpg", "400"),
    Row("/group1/{file:cut1}", "400"),
    Row("/group1/{file:cut4}", "400"),
    Row("/group1/{file:cut20}", "400"),
    *(Row(f"/group1/{path}{{file:behind_store_path}}", "400", "404", _PATHS) for path in ("M02", "M05", "MFF")),
    *(
        Row(f"/group1/{path}{{file:behind_store_path}}", "400")
        for path in ("m00", "MZZ", "X00", "S00", "M0", "M000", "M0a")
    ),
    Row("/group1/M00/0a/00/{file:name}", "400"),
    Row("/group1/M00/0/00/{file:name}", "400"),
    Row("/group1/M00/000/00/{file:name}", "400"),
    Row("/group1/M00/GG/00/{file:name}", "400"),
    Row("/group1/M00/00/{file:name}", "400"),
    Row("/group1/M00/{file:name}", "400"),
    Row("/group1/M00/00/00/00/{file:name}", "400"),
    Row(F + "/", "400"),
    Row(F + "/x", "400"),
    Row("/group1/M00/00/00/{file:name}/M00/00/00/{file:name}", "400"),
)

ABSENT = (
    Row("/group1/M01{file:behind_store_path}", "404"),
    Row("/group1/M00/03/03/{file:name}", "404"),
    Row("/group1/{file:as_png}", "404"),
    Row("/group1/{file:as_JPG}", "404"),
    Row(F + ".jpg", "404"),
    Row("/group1/{file:other_digits}", "404"),
    Row("/group1/{file:other_crc}", "404"),
    Row("/group1/{file:other_size}", "404"),
    Row("/group1/{file:as_slave}", "404"),
    Row("/GROUP1/{file}", "400", "404", _CASE),
    Row("/group9/{file}", "400", "404", _CASE),
    Row("/group2/{file}", "400", "404", _CASE),
    Row("/group2/{other:other_digits}", "404"),
    *(Row(F + tail, "404") for tail in ("%20", "%09", "%0A", "%C3%A9", ";x=1", "%3Bx=1", "%22", "%27", "%3C", "%7F")),
    *(Row(F + "x" * length, "404") for length in (1, 60, 100, 300)),
    Row(F + "x" * 500, "400", "404", "a name that no file has; how long a path may be is the server's business"),
    Row(F + "x" * 9000, "414", "404", "heads of requests may have 64 KiB here"),
    Row("/" + "g" * 100 + "/{file}", "400"),
)

_METADATA = "names ending in -m are metadata files: anybody could read what was meant for the application"
_FORGED = "no server is asked because an id names it; the module sends it all headers, cookies too"

_UNDECODABLE = "the module decodes it to an address 0.x.y.z, and connects to that"

HARMFUL = (
    Row(F + "-m", "200", "404", _METADATA, of="metadata"),
    Row(F + "%2Dm", "200", "404", _METADATA, of="metadata"),
    Row(F + "-m", "200", "404", _METADATA, of="metadata", method="HEAD"),
    Row(F + "-m?filename=x", "200", "404", _METADATA, of="metadata"),
    Row(
        F + "-m?token={token}&ts={ts}", "200", "404", _METADATA, of="metadata", setup=Setup.TOKEN, sign=Sign("{file}-m")
    ),
    Row(F + "%3Ffilename=x", "200", "404", "an encoded question mark is part of a name (RFC 3986, 2.2)"),
    Row(F + "%3F", "200", "404", "an encoded question mark is part of a name (RFC 3986, 2.2)"),
    Row("/group1/{file:forged}", "502|504", "404", _FORGED, headers=("Cookie: secret=1",)),
    Row("/group1/{file:forged_loopback}", "404"),
    Row("/group1/{file:not_base64}", "502|504", "400", _UNDECODABLE),
    Row("/group1/{file:not_base64_at_the_end}", "404", "400", "no server writes a dot there"),
    *(
        Row(f"/group1/M00/{path}", "400")
        for path in (
            "../../etc/passwd",
            "%2e%2e/%2e%2e/etc/passwd",
            "..%2f..%2fetc%2fpasswd",
            "%252e%252e/%252e%252e/etc/passwd",
            "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
            "..%5c..%5cetc%5cpasswd",
            "..;/..;/etc/passwd",
            "%u002e%u002e/etc/passwd",
            "00/00/../../../../etc/passwd",
            "00/00/..%2f..%2f..%2f..%2fetc%2fpasswd",
            "00/00/%2e%2e%2f%2e%2e%2f%2e%2e%2f" + "e" * 40,
            "00/00/....//....//....//" + "e" * 40,
            "00/00/..%00/" + "e" * 40,
        )
    ),
    Row("/group1/../../../../etc/passwd", "400", "404", _NO_LINK),
    Row("/../../etc/passwd", "400", "404", _NO_LINK),
    Row("/%2e%2e/%2e%2e/etc/passwd", "400", "404", _NO_LINK),
    Row("/..%2f..%2fetc%2fpasswd", "400", "404", _NO_LINK),
    Row("/..%5c..%5cwindows", "400", "404", _NO_LINK),
    Row("/group1%00/{file}", "400"),
    Row("/group1/M00/00/00/" + "." * 34, "502|504", "400", _UNDECODABLE),
    Row("/group1/M00/00/00/" + "..%2f" * 12, "400"),
)

PATHS = (*BOTH_FORMS, *NORMALISED, *BROKEN, *ABSENT, *HARMFUL)
