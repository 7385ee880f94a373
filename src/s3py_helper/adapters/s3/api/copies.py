"""Requests that copy within the service.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html. The server may work for
long before it responds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from s3py_helper.adapters.s3.api.object_headers import quoted
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.api.sender import Request, RequestSender
from s3py_helper.adapters.s3.api.signing import encoded_path
from s3py_helper.domain.byte_range import Span


@dataclass(frozen=True, slots=True)
class CopySource:
    """The object to copy; `etag`, as the server wrote it, names the version."""

    bucket: str
    key: str
    etag: str | None

    def headers(self) -> dict[str, str]:
        """The value of the header `x-amz-copy-source`."""
        named = {"x-amz-copy-source": encoded_path(f"{self.bucket}/{self.key}")}
        return named if self.etag is None else {**named, "x-amz-copy-source-if-match": self.etag}


class CopyApi:
    """Copies whole objects, and parts; raises `StorageException`s only.

    Args:
        sender: Sends the requests.
    """

    def __init__(self, sender: RequestSender) -> None:
        self._sender = sender

    async def copy_object(
        self, source: CopySource, bucket: str, key: str, headers: Mapping[str, str], outcome: Outcome
    ) -> str:
        """Copy an object, giving it the description in `headers`; returns the ETag of the copy.

        After a failure `outcome` says whether the copy may be there.
        """
        more = {"x-amz-metadata-directive": "REPLACE", **source.headers()}
        return await self._copied(
            Request("copy", "PUT", bucket, key, headers={**headers, **more}, slow=True, outcome=outcome)
        )

    async def copy_part(
        self, source: CopySource, span: Span, bucket: str, key: str, upload_id: str, number: int
    ) -> str:
        """Copy some bytes of an object as a part of a multipart upload; returns the part's ETag."""
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        headers = {"x-amz-copy-source-range": f"bytes={span.start}-{span.stop - 1}", **source.headers()}
        return await self._copied(Request("copy", "PUT", bucket, key, query, headers, slow=True))

    async def tags(self, source: CopySource) -> str:
        """The tags of an object, as the header `x-amz-tagging` takes them.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html
        """
        document = await self._sender.send_for_document(
            Request("copy", "GET", source.bucket, source.key, (("tagging", ""),))
        )
        tags = document.root.iterfind(".//{*}Tag")
        pairs = [(tag.findtext("{*}Key", ""), tag.findtext("{*}Value", "")) for tag in tags]
        return urlencode(pairs, quote_via=quote)

    async def _copied(self, request: Request) -> str:
        result = await self._sender.send_for_document(request, must_have="ETag")
        return quoted(result.text_of("ETag"))
