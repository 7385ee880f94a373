"""Request lines, and files of every kind."""

from tests.integration.old_links.row import F, Row, Setup

_ALLOW = "RFC 9110, 15.5.6: a 405 names what is allowed"

_TAGGED = "an entity tag that stays the same when the file moves saves what a date cannot tell (RFC 9110, 8.8)"
_TELLS = {
    "Content-Type": "image/jpeg",
    "Accept-Ranges": "bytes",
    "Last-Modified": "{file:date}",
    "Content-Disposition": None,
    "Cache-Control": None,
}

METHODS = (
    *(
        Row(
            F,
            "200",
            why=_TAGGED,
            method=method,
            tells=_TELLS | {"ETag": '"{file:name}"'},
            module_tells=_TELLS | {"ETag": None},
        )
        for method in ("GET", "HEAD")
    ),
    *(
        Row(target, "405", method=method, why=_ALLOW, tells={"Allow": "GET, HEAD"}, module_tells={"Allow": None})
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
        for target in (F, "/group1/M00/00/00/short")
    ),
    Row(F, "405", method="POST", setup=Setup.TOKEN),
    Row(F, "400", "501", "RFC 9110, 9.1 and 15.6.2: methods mind case, and this one is not known", method="get"),
    Row(F, "200", version="HTTP/1.0"),
    Row(F, "200", version="HTTP/1.0", host=()),
    Row(F, "400", host=()),
    Row(F, "400", host=("Host: 127.0.0.1", "Host: 127.0.0.1")),
    Row(
        F,
        "400",
        "200",
        "an empty Host is one that RFC 9112, 3.2 lets clients send for a target without authority",
        host=("Host: ",),
    ),
    Row("http://127.0.0.1/group1/{file}", "200"),
    Row(F + "#x", "200"),
    Row("/group1/%zz{file}", "400", "404", "it is no path of a link, whatever else it is"),
    Row("/group1/{file}%00", "400", "404", "part of another name; nothing is looked for"),
    Row("/group1/{file}%", "400", "404", "part of another name; nothing is looked for"),
    Row(F, "200", headers=("Accept-Encoding: gzip, br",), tells={"Content-Encoding": None}),
    Row(F, "200", headers=("Cookie: a=b", "Referer: http://127.0.0.1/x", "Accept: text/html")),
)

_NOT_BY_EXTENSION = "application/octet-stream"

KINDS = tuple(
    Row(
        f"/{group}/{{{of}}}",
        status,
        of=of,
        method=method,
        tells={"Content-Type": kind, "Last-Modified": f"{{{of}:date}}"},
    )
    for of, kind, group, status in (
        ("upper", "image/jpeg", "group1", "200"),
        ("m01", "image/png", "group1", "200"),
        ("slave", "image/jpeg", "group1", "200"),
        ("short_slave", _NOT_BY_EXTENSION, "group1", "200"),
        ("appender", "text/plain", "group1", "200"),
        ("regenerated", "text/plain", "group1", "200"),
        ("archive", _NOT_BY_EXTENSION, "group1", "200"),
        ("bare", _NOT_BY_EXTENSION, "group1", "200"),
        ("unknown", _NOT_BY_EXTENSION, "group1", "200"),
        ("page", "text/html", "group1", "200"),
        ("script", "application/javascript", "group1", "200"),
        ("empty", "text/plain", "group1", "200"),
        ("other", "text/plain", "group2", "200"),
    )
    for method in ("GET", "HEAD")
) + tuple(
    Row(f"/group1/{{{of}}}", "404", of=of, method=method)
    for of in ("deleted", "old_appender")
    for method in ("GET", "HEAD")
)
