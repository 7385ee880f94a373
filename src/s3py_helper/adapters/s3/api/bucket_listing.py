"""Pages of a bucket's listing: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from s3py_helper.adapters.s3.api.sender import Request, RequestSender

_ANY: Final = "{*}"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One entry as the server wrote it; what it left out is `None`."""

    key: str
    size: int | None
    last_modified: str | None
    etag: str | None
    storage_class: str | None


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Where a page begins: at a continuation token, or after a key; at neither for the first one."""

    token: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page.

    Attributes:
        objects: Its entries.
        token: What continues the listing; `None` where the server gives none.
        truncated: Whether there is more.
    """

    objects: Sequence[ListedObject]
    token: str | None
    truncated: bool


async def list_page(
    sender: RequestSender, bucket: str, prefix: str, position: ListPosition, page_size: int
) -> ListPage:
    """The objects whose keys begin with `prefix`, at most `page_size` of them; raises as the sender does."""
    # URL-encoded, because keys may have characters that XML cannot carry.
    query = [("encoding-type", "url"), ("list-type", "2"), ("max-keys", str(page_size)), ("prefix", prefix)]
    if position.token is not None:
        query.append(("continuation-token", position.token))
    if position.after is not None:
        query.append(("start-after", position.after))
    page = await sender.send_for_document(Request("list", "GET", bucket, query=query, slow=True))
    encoded = page.text_of("EncodingType") == "url"
    return ListPage(
        [_listed(entry, encoded=encoded) for entry in page.root.iterfind(f"{_ANY}Contents")],
        page.text_of("NextContinuationToken") or None,
        page.text_of("IsTruncated").strip().lower() == "true",
    )


def _listed(entry: Element, *, encoded: bool) -> ListedObject:
    # Most servers use one namespace throughout, so it need not be looked up for each element.
    texts = {child.tag.rpartition("}")[2]: child.text or "" for child in entry}
    key, size = texts.get("Key", ""), texts.get("Size", "").strip()
    return ListedObject(
        key=unquote_plus(key) if encoded else key,
        size=int(size) if size.isdecimal() else None,
        last_modified=texts.get("LastModified") or None,
        etag=texts.get("ETag") or None,
        storage_class=texts.get("StorageClass") or None,
    )
