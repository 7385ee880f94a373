"""An auditor of migrations who shares no code with them: boto3, hashlib, and the bare protocol of FastDFS."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tests.support.fastdfs.protocol import GROUP_FIELD, Command, Status, field_text, numbers, read_numbers, text_field
from tests.support.fastdfs.raw import RawReply, ask_blocking
from tests.support.migration.truth import Truth, digest

_THREADS: Final = 8
_MARK: Final = "s3py-fastdfs-id"
_SECOND_OBJECT: Final = ".meta.json"


@dataclass(slots=True)
class Audit:
    """What is wrong: old ids, except for keys in `foreign` and `unfinished`.

    Attributes:
        lost: Live files without an object.
        corrupt: Objects with other bytes than their file has, or without the mark of their id.
        resurrected: Objects of deleted files, and deleted files that FastDFS still gives.
        foreign: Objects that belong to no file.
        unfinished: Multipart uploads that are still open.
        objects: How many objects of live files were read.
    """

    lost: list[str] = field(default_factory=list[str])
    corrupt: list[str] = field(default_factory=list[str])
    resurrected: list[str] = field(default_factory=list[str])
    foreign: list[str] = field(default_factory=list[str])
    unfinished: list[str] = field(default_factory=list[str])
    objects: int = 0

    @property
    def damages(self) -> dict[str, list[str]]:
        """The kinds of damage that there are, each with what it befell."""
        return {kind: found for kind, found in asdict(self).items() if kind != "objects" and found}


def audit(sdk: Any, bucket: str, prefix: str, truth: Truth) -> Audit:
    """Compare everything below the prefix with the truth, by the bytes themselves.

    Args:
        sdk: A client of boto3.
        bucket: Where moved files are.
        prefix: The front of their keys.
        truth: What should be there.
    """
    result = Audit()
    front = f"{prefix}fastdfs/"
    keys = set(_listed(sdk, "list_objects_v2", "Contents", bucket, prefix))
    to_read: list[str] = []
    for key in sorted(keys):
        file_id = key.removeprefix(front).removesuffix(_SECOND_OBJECT if _is_second(key, front, truth) else "")
        if file_id in truth.deleted:
            result.resurrected.append(file_id)
        elif file_id not in truth.live or not key.startswith(front):
            result.foreign.append(key)
        elif key == front + file_id:
            to_read.append(file_id)
    result.lost = sorted(truth.live.keys() - set(to_read) - truth.staying)
    with ThreadPoolExecutor(_THREADS) as threads:
        good = threads.map(lambda file_id: _is_good(sdk, bucket, front, file_id, truth.live[file_id]), to_read)
        result.corrupt = [file_id for file_id, is_good in zip(to_read, good, strict=True) if not is_good]
    result.objects = len(to_read)
    result.unfinished = list(_listed(sdk, "list_multipart_uploads", "Uploads", bucket, prefix))
    return result


def audit_source(tracker: str, truth: Truth, file_ids: Iterable[str]) -> Audit:
    """Ask FastDFS itself for files: live ones must have their bytes, deleted ones be gone.

    Args:
        tracker: `host:port`.
        truth: What should be there.
        file_ids: Which files; drained ones are to be left out.
    """
    result = Audit()
    for file_id in sorted(file_ids):
        content = source_content(tracker, file_id)
        if file_id in truth.deleted:
            if content is not None:
                result.resurrected.append(file_id)
        elif content is None:
            result.lost.append(file_id)
        elif digest(content) != truth.live[file_id]:
            result.corrupt.append(file_id)
    return result


def source_content(tracker: str, file_id: str) -> bytes | None:
    """The bytes that the file's own storage gives; `None` where it has none."""
    group, _, name = file_id.partition("/")
    target = text_field(group, GROUP_FIELD) + name.encode("ascii")
    named = _answered(ask_blocking(tracker, Command.UPDATE, target))
    if named is None:
        return None
    (port,) = read_numbers(named.body[-8:], 1)
    storage = f"{field_text(named.body[GROUP_FIELD:-8]).decode('ascii')}:{port}"
    facts = _answered(ask_blocking(storage, Command.QUERY_INFO, target))
    if facts is None:
        return None
    if read_numbers(facts.body, 1) == (0,):
        return b""  # a download of nothing is refused
    given = _answered(ask_blocking(storage, Command.DOWNLOAD, numbers(0, 0) + target))
    return None if given is None else given.body


def _answered(reply: RawReply) -> RawReply | None:
    if reply.status == Status.MISSING:
        return None
    assert reply.status == Status.OK, f"status {reply.status}"
    return reply


def _listed(sdk: Any, method: str, entries: str, bucket: str, prefix: str) -> Iterable[str]:
    for page in sdk.get_paginator(method).paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get(entries, ()):
            yield entry["Key"]


def _is_second(key: str, front: str, truth: Truth) -> bool:
    """Whether it is the object with the metadata of a file, and not a file of such a name."""
    file_id = key.removeprefix(front)
    return file_id.endswith(_SECOND_OBJECT) and file_id not in truth.live and file_id not in truth.deleted


def _is_good(sdk: Any, bucket: str, front: str, file_id: str, expected: str) -> bool:
    answer = sdk.get_object(Bucket=bucket, Key=front + file_id)
    hasher = hashlib.sha256()
    for chunk in answer["Body"].iter_chunks(1 << 20):
        hasher.update(chunk)
    return hasher.hexdigest() == expected and answer["Metadata"].get(_MARK) == file_id
