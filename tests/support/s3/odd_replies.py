"""Responses that make no sense, or too much of it."""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

_BODIES: Final = [
    b"",
    b"0123456789",
    b"01234",
    b"0123456789+",
    b"<html><body>Please log in</body></html>",
    b"<Error><Code>InternalError</Code><Message>Sorry</Message></Error>",
    b"<Error><Code>NoSuchKey</Code></Error>",
    b"<Error>",
    b"<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>",
    b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>",
    b'<CopyObjectResult xmlns="any"><ETag>"x"</ETag></CopyObjectResult>',
    b"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>",
    b"<ListBucketResult><Contents><Key>a</Key><Size>5</Size></Contents></ListBucketResult>",
    b"<ListMultipartUploadsResult/>",
    b"\xff\x00\xfe",
    b"[]",
]
_HEADERS: Final = {
    "ETag": ['"x"', "x", 'W/"x"', "", '"\xe9"'],
    "Last-Modified": ["Sun, 06 Nov 1994 08:49:37 GMT", "yesterday", "1994-11-06T08:49:37Z", ""],
    "Content-Range": ["bytes 0-9/10", "bytes 0-4/10", "bytes 5-9/10", "bytes */10", "bytes 9-0/10", "nonsense"],
    "Content-Type": ["text/plain", "", "text/html; charset"],
    "Content-Encoding": ["gzip", "aws-chunked", ""],
    "Retry-After": ["0", "-1", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"],
    "Date": ["Sun, 06 Nov 1994 08:49:37 GMT", "never"],
    "x-amz-checksum-crc32": ["AAAAAA==", "poW+Wg==", "!", "AAAAAA==-2"],
    "x-amz-checksum-type": ["FULL_OBJECT", "COMPOSITE", "?"],
    "x-amz-meta---real-file-name--": ["%", "%ff%fe", "a.txt"],
    "x-amz-meta-utf-8--.zz": ["UTF-8''%zz", ""],
    "x-amz-storage-class": ["", "GLACIER"],
    "x-amz-bucket-region": ["eu-west-1"],
    "Location": ["http://127.0.0.1:9/"],
}


@dataclass(frozen=True)
class OddReply:
    """A response to any request; `framing` says how its body ends."""

    status: int
    headers: dict[str, str]
    body: bytes
    framing: str

    @property
    def closes(self) -> bool:
        """Whether the connection has to end with it."""
        return self.framing in {"too short", "until closed"}

    def message(self, *, bodyless: bool) -> bytes:
        """What goes over the wire; a response to HEAD is bodyless."""
        lines = [f"HTTP/1.1 {self.status} Whatever"]
        lines += [f"{name}: {text}" for name, text in self.headers.items()]
        body = self.body
        match self.framing:
            case "exact":
                lines.append(f"Content-Length: {len(body)}")
            case "too short":
                lines.append(f"Content-Length: {len(body) + 3}")
            case "chunked":
                lines.append("Transfer-Encoding: chunked")
                body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
            case _:
                lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if bodyless else body)


_status = st.one_of(
    st.sampled_from([200, 200, 200, 201, 204, 206, 304, 400, 403, 404, 416, 503]), st.integers(200, 599)
)
_headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(texts) for name, texts in _HEADERS.items()})
odd_replies = st.builds(
    OddReply,
    _status,
    _headers,
    st.one_of(st.sampled_from(_BODIES), st.binary(max_size=40)),
    st.sampled_from(["exact", "exact", "exact", "too short", "chunked", "until closed"]),
)
"""Any of them."""
