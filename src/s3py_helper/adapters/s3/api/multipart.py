"""The requests that create, complete and abort multipart uploads.

They bypass the SDK because importing it takes longer than sending several parts:
docs/decisions/0008-own-http-connections.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from s3py_helper.adapters.s3.api.evidence import done
from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, crc32_text, quoted
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.api.sender import Request, RequestSender
from s3py_helper.adapters.s3.http.payload import payload_of

_CHECKSUM_TYPE: Final = "x-amz-checksum-type"
_FULL_OBJECT: Final = "FULL_OBJECT"
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_ANY: Final = "{*}"


@dataclass(frozen=True, slots=True)
class CreatedUpload:
    """A multipart upload.

    Attributes:
        upload_id: Its id.
        checks_whole: Whether the server will compare the CRC-32 of the whole object.
        repeated: Whether earlier attempts may have created others.
    """

    upload_id: str
    checks_whole: bool
    repeated: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was stored, as the server described it."""

    number: int
    etag: str
    crc32: str | None = None


class MultipartApi:
    """One method for each kind of request; raises `StorageException`s only.

    Args:
        sender: Sends them.
    """

    def __init__(self, sender: RequestSender) -> None:
        self._sender = sender

    async def create(
        self, bucket: str, key: str, headers: Mapping[str, str], outcome: Outcome, *, checksums: bool
    ) -> CreatedUpload:
        """Create an upload; `headers` describe the object, `checksums` asks for CRC-32s of parts and whole.

        After a failure `outcome` says whether an upload may exist whose id nobody knows.
        """
        requested = {"x-amz-checksum-algorithm": "CRC32", _CHECKSUM_TYPE: _FULL_OBJECT} if checksums else {}
        request = Request("upload", "POST", bucket, key, [("uploads", "")], {**headers, **requested}, outcome=outcome)
        response = await self._sender.send_for_document(request, must_have="UploadId")
        return CreatedUpload(
            response.text_of("UploadId"),
            checks_whole=response.headers.get(_CHECKSUM_TYPE) == _FULL_OBJECT,
            repeated=outcome.uncertain,
        )

    async def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Iterable[Part],
        outcome: Outcome,
        *,
        crc32: int | None,
        conditions: Mapping[str, str] | None = None,
    ) -> tuple[str, str | None]:
        """Complete an upload; returns the object's ETag, and its CRC-32 as the server reports it.

        Args:
            bucket: The object's bucket.
            key: Its key.
            upload_id: The upload.
            parts: In order.
            outcome: Says after a failure whether the object may be there.
            crc32: Of the whole object, for the server to compare.
            conditions: Headers such as `If-None-Match`, which make it conditional.
        """
        whole = {} if crc32 is None else {CRC32_HEADER: crc32_text(crc32), _CHECKSUM_TYPE: _FULL_OBJECT}
        headers = {"content-type": "application/xml", **whole, **(conditions or {})}
        body = payload_of(_list_of(parts))
        request = Request(
            "upload", "POST", bucket, key, [("uploadId", upload_id)], headers, body, slow=True, outcome=outcome
        )
        response = await self._sender.send_for_document(request, must_have="ETag")
        return quoted(response.text_of("ETag")), response.text_of("ChecksumCRC32") or None

    async def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Abort an upload and delete its parts; raises `FileNotFoundException` when there is no such upload."""
        await self._sender.send_whole(Request("upload", "DELETE", bucket, key, [("uploadId", upload_id)]), done)

    async def require(self, bucket: str, key: str, upload_id: str) -> None:
        """Raise `FileNotFoundException` when there is no such upload."""
        query = [("max-parts", "1"), ("uploadId", upload_id)]
        await self._sender.send_for_document(Request("upload", "GET", bucket, key, query))

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[tuple[Part, int]]:
        """The parts that have arrived, and their sizes; `FileNotFoundException` when there is no such upload."""
        found: list[tuple[Part, int]] = []
        marker = 0
        while True:
            query = [("part-number-marker", str(marker)), ("uploadId", upload_id)]
            page = await self._sender.send_for_document(Request("upload", "GET", bucket, key, query))
            for part in page.root.iterfind(f"{_ANY}Part"):
                number, size = (part.findtext(f"{_ANY}{name}", "") for name in ("PartNumber", "Size"))
                if number.isdecimal() and size.isdecimal():
                    found.append((Part(int(number), quoted(part.findtext(f"{_ANY}ETag", ""))), int(size)))
            following = page.text_of("NextPartNumberMarker")
            # Part numbers ascend; a server whose pages repeat would otherwise be asked for ever.
            if not (_is_true(page.text_of("IsTruncated")) and following.isdecimal() and int(following) > marker):
                return found
            marker = int(following)

    async def uploads(self, bucket: str, prefix: str) -> list[tuple[str, str]]:
        """Keys and ids of all unfinished uploads below a prefix."""
        found: list[tuple[str, str]] = []
        after: dict[str, str] = {}
        while True:
            query = sorted({"prefix": prefix, "uploads": "", **after}.items())
            page = await self._sender.send_for_document(Request("upload", "GET", bucket, query=query))
            found += [
                (upload.findtext(f"{_ANY}Key", ""), upload.findtext(f"{_ANY}UploadId", ""))
                for upload in page.root.iterfind(f"{_ANY}Upload")
            ]
            following = {
                "key-marker": page.text_of("NextKeyMarker"),
                "upload-id-marker": page.text_of("NextUploadIdMarker"),
            }
            # A server that goes in circles would otherwise be asked for ever.
            if not (_is_true(page.text_of("IsTruncated")) and following["key-marker"]) or following == after:
                return found
            after = following

    async def ids_of(self, bucket: str, key: str) -> list[str]:
        """The ids of all unfinished uploads of one object."""
        return [upload_id for found, upload_id in await self.uploads(bucket, key) if found == key]


def _is_true(text: str) -> bool:
    return text.strip().lower() == "true"


def _list_of(parts: Iterable[Part]) -> bytes:
    """The body of the request: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html."""
    root = Element("CompleteMultipartUpload", xmlns=_NAMESPACE)
    for part in parts:
        element = SubElement(root, "Part")
        if part.crc32 is not None:
            SubElement(element, "ChecksumCRC32").text = part.crc32
        SubElement(element, "ETag").text = part.etag
        SubElement(element, "PartNumber").text = str(part.number)
    content: bytes = tostring(root, encoding="utf-8")
    return content
