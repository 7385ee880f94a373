"""What the author of a backend imports: the ports to implement, and the values that pass through them.

docs/writing-an-adapter.md is the way from an empty file to a store that passes the contract kit.
"""

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.application.ports.examined import Examined, Verdict
from s3py_helper.application.ports.examining import SelfExamination
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.ports.observer import (
    ConnectionReplaced,
    DownloadResumed,
    Event,
    FailedOver,
    FallbackTaken,
    Observer,
    OperationBegan,
    OperationEnded,
    PoolWaited,
    RequestRetried,
    RollbackFailed,
)
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.application.ports.reading import BytesOnly
from s3py_helper.application.ports.region import Region
from s3py_helper.application.ports.relocation import DeleteAt, NothingHasMoved, Relocation
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.file_id import DEFAULT_BUCKET, Backend, FileId
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.entrypoints.container.mounts import ENTRY_POINTS, Mount, OpenBackend

__all__ = [
    "DEFAULT_BUCKET",
    "ENTRY_POINTS",
    "Backend",
    "BlobInfo",
    "BlobStore",
    "ByteRange",
    "BytesOnly",
    "Checksum",
    "ConnectionReplaced",
    "DeleteAt",
    "DownloadResumed",
    "Event",
    "Examined",
    "FailedOver",
    "FallbackTaken",
    "FileId",
    "FileUploadLink",
    "HealthCheck",
    "IncomingBody",
    "Listing",
    "Mount",
    "MountedBackend",
    "NamedWrites",
    "NewBlob",
    "NothingHasMoved",
    "Observer",
    "OpenBackend",
    "OpenBlob",
    "OperationBegan",
    "OperationEnded",
    "PoolUse",
    "PoolWaited",
    "PresignedUrls",
    "Region",
    "Relocation",
    "RequestRetried",
    "RollbackFailed",
    "SelfExamination",
    "ServerSideCopy",
    "Span",
    "Verdict",
    "completed",
    "span_of",
]
