"""Every header of a whole upload, download and copy, and every signature."""

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator
from xml.etree.ElementTree import fromstring

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs.black_hole import black_hole
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3
from tests.support.s3.signatures import is_signed

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024
PERF = S3PerfConfig(multipart_part_size=5 * MIB, multipart_threshold=5 * MIB, parts_in_flight=1)
CONTENT = bytes(range(256)) * (11 * MIB // 256)
SOURCE = FileId(Backend.S3, "tests", "source/é.bin")

ALWAYS = {"host", "accept-encoding", "user-agent", "x-amz-date", "x-amz-content-sha256", "authorization"}
NOTHING = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        server.objects["/tests/source/é.bin"] = Stored(CONTENT, {"ETag": '"the-source"', "cache-control": "private"})
        yield server
        for seen in server.requests:
            assert is_signed(seen.method, seen.target, seen.headers, "the-secret"), f"wrong signature: {seen}"
            assert seen.headers["accept-encoding"] == "identity", "compression would change sizes and checksums"


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()


def described(seen: Seen) -> tuple[str, dict[str, str]]:
    """Method and query, and the headers that are not the same in all requests; the hash of the body always."""
    own = {name: text for name, text in seen.headers.items() if name not in ALWAYS}
    assert seen.headers.keys() >= ALWAYS
    query = "&".join(f"{name}={text}" for name, text in sorted(seen.query.items()))
    return f"{seen.method} {query}".strip(), {**own, "hash": seen.headers["x-amz-content-sha256"]}


BLOB_HEADERS = {
    "content-type": "text/plain",
    "x-amz-meta---real-file-name--": "a%20b.txt",
    "x-amz-meta-by": "ada",
}


async def test_of_a_small_upload(s3: PretendS3) -> None:
    blob = new_blob("a b.txt", content_type="text/plain", metadata={"by": "ada"})
    async with S3Session(s3.server.config(perf=PERF)) as session:
        written = await S3BlobStore(session).write(blob, body_of(b"12345"))
    assert [described(seen) for seen in s3.requests] == [
        ("PUT", {**BLOB_HEADERS, "content-length": "5", "x-amz-checksum-crc32": crc32(b"12345"), "hash": UNSIGNED})
    ]
    assert s3.requests[0].path == f"/tests/{blob.key}"
    assert (written.size, written.etag) == (5, s3.objects[f"/tests/{blob.key}"].etag)


async def test_of_an_upload_in_parts(s3: PretendS3) -> None:
    blob = new_blob("a b.txt", content_type="text/plain", metadata={"by": "ada"})
    async with S3Session(s3.server.config(perf=PERF)) as session:
        written = await S3BlobStore(session).write(blob, body_of(CONTENT))
    pieces = [CONTENT[: 5 * MIB], CONTENT[5 * MIB : 10 * MIB], CONTENT[10 * MIB :]]
    completion = s3.requests[-1]
    assert [described(seen) for seen in s3.requests] == [
        (
            "POST uploads=",
            {
                **BLOB_HEADERS,
                "content-length": "0",
                "x-amz-checksum-algorithm": "CRC32",
                "x-amz-checksum-type": "FULL_OBJECT",
                "hash": NOTHING,
            },
        ),
        *(
            (
                f"PUT partNumber={number}&uploadId=upload-0",
                {"content-length": str(len(piece)), "x-amz-checksum-crc32": crc32(piece), "hash": UNSIGNED},
            )
            for number, piece in enumerate(pieces, start=1)
        ),
        (
            "POST uploadId=upload-0",
            {
                "content-type": "application/xml",
                "content-length": str(len(completion.body)),
                "x-amz-checksum-crc32": crc32(CONTENT),
                "x-amz-checksum-type": "FULL_OBJECT",
                # It decides what becomes of everything sent before: its body is signed, over plain HTTP as well.
                "hash": hashlib.sha256(completion.body).hexdigest(),
            },
        ),
    ]
    listed = [{child.tag.rpartition("}")[2]: child.text for child in part} for part in fromstring(completion.body)]
    assert listed == [
        {"PartNumber": str(number), "ETag": f'"{hashlib.md5(piece).hexdigest()}"', "ChecksumCRC32": crc32(piece)}
        for number, piece in enumerate(pieces, start=1)
    ]
    assert written.checksum is not None
    assert written.checksum.crc32_value == zlib.crc32(CONTENT)


@pytest.mark.parametrize(("size", "first"), [(6 * MIB - 1, "PUT"), (6 * MIB, "POST uploads=")])
async def test_of_uploads_on_both_sides_of_the_threshold(s3: PretendS3, size: int, first: str) -> None:
    perf = PERF.model_copy(update={"multipart_threshold": 6 * MIB})
    async with S3Session(s3.server.config(perf=perf)) as session:
        await S3BlobStore(session).write(new_blob(size=size), body_of(bytes(size), size=size))
    assert described(s3.requests[0])[0].strip() == first


async def test_of_an_upload_without_checksums(s3: PretendS3) -> None:
    async with S3Session(s3.server.config(perf=PERF, checksum="off")) as session:
        for size in (5, 6 * MIB):
            await S3BlobStore(session).write(new_blob(), body_of(bytes(size)))
        await S3BlobStore(session).info(SOURCE)
        await read_all(S3BlobStore(session), SOURCE)
    assert not [seen for seen in s3.requests if any("checksum" in name for name in seen.headers)]


async def test_of_downloads_and_descriptions(s3: PretendS3) -> None:
    async with S3Session(s3.server.config(perf=PERF)) as session:
        store = S3BlobStore(session)
        await read_all(store, SOURCE)
        await read_all(store, SOURCE, ByteRange(5, 9))
        await store.info(SOURCE)
        await store.delete(SOURCE)
    assert [described(seen) for seen in s3.requests] == [
        ("GET", {"x-amz-checksum-mode": "ENABLED", "hash": NOTHING}),
        ("GET", {"range": "bytes=5-9", "hash": NOTHING}),
        ("HEAD", {"x-amz-checksum-mode": "ENABLED", "hash": NOTHING}),
        ("DELETE", {"hash": NOTHING}),
    ]
    assert {seen.target for seen in s3.requests} == {"/tests/source/%C3%A9.bin"}


async def test_of_a_copy(s3: PretendS3) -> None:
    blob = new_blob("a b.txt", content_type="text/plain", metadata={"by": "ada"})
    async with S3Session(s3.server.config(perf=PERF)) as session:
        await S3Copy(session).copy(SOURCE, blob)
    assert [described(seen) for seen in s3.requests[1:]] == [
        (
            "PUT",
            {
                **BLOB_HEADERS,
                "cache-control": "private",
                "content-length": "0",
                "x-amz-copy-source": "tests/source/%C3%A9.bin",
                "x-amz-copy-source-if-match": '"the-source"',
                "x-amz-metadata-directive": "REPLACE",
                "hash": NOTHING,
            },
        )
    ]


async def test_of_a_copy_in_parts(s3: PretendS3) -> None:
    async with S3Session(s3.server.config(perf=PERF)) as session:
        await S3Copy(session, in_one_request=MIB, part_size=6 * MIB).copy(SOURCE, new_blob())
    parts = [seen for seen in s3.requests if seen.method == "PUT"]
    assert [described(seen) for seen in parts] == [
        (
            f"PUT partNumber={number}&uploadId=upload-0",
            {
                "content-length": "0",
                "x-amz-copy-source": "tests/source/%C3%A9.bin",
                "x-amz-copy-source-if-match": '"the-source"',
                "x-amz-copy-source-range": span,
                "hash": NOTHING,
            },
        )
        for number, span in enumerate([f"bytes=0-{6 * MIB - 1}", f"bytes={6 * MIB}-{11 * MIB - 1}"], start=1)
    ]


@pytest.mark.parametrize("sign_payload", [True, False])
async def test_of_bodies_that_the_signature_covers_on_request(s3: PretendS3, sign_payload: bool) -> None:
    async with S3Session(s3.server.config(perf=PERF, sign_payload=sign_payload)) as session:
        await S3BlobStore(session).write(new_blob(), body_of(b"12345"))
        await S3BlobStore(session).write(new_blob(), body_of(bytes(6 * MIB)))
    for seen in s3.requests:
        if seen.method == "PUT":
            expected = hashlib.sha256(seen.body).hexdigest() if sign_payload else UNSIGNED
            assert seen.headers["x-amz-content-sha256"] == expected


async def test_of_keys_with_a_token(s3: PretendS3) -> None:
    async with S3Session(s3.server.config(session_token="the-token")) as session:
        await S3BlobStore(session).info(SOURCE)
    assert s3.requests[0].headers["x-amz-security-token"] == "the-token"
    assert "x-amz-security-token" in s3.requests[0].headers["authorization"]


async def test_a_host_that_swallows_connections_is_given_up_after_the_connect_timeout() -> None:
    perf = S3PerfConfig(connect_timeout=0.2, max_retries=0)
    with black_hole("127.1.9.8") as address:
        async with pretend_s3() as s3, S3Session(s3.server.config(endpoint=f"http://{address}", perf=perf)) as session:
            with pytest.raises(StorageUnavailableException, match="no connection"):
                # Far below the other timeouts, which are not what ends it.
                async with S3Listing(session).list() as blobs:
                    await anext(blobs)
