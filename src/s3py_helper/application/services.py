"""The use cases of one deployment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.diagnosis.diagnosis import DiagnosisService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.health import HealthService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.upload import UploadService

if TYPE_CHECKING:
    from s3py_helper.application.migration.migration import Migration


@dataclass(frozen=True, slots=True)
class FileServices:
    """What a manager, a router or a command needs to work with files.

    Attributes:
        upload_service: Stores files.
        download_service: Reads files and packs archives.
        delete_service: Removes files.
        info_service: Describes files.
        copy_service: Copies files to where new files go, also from FastDFS to S3.
        link_service: Signs links with which clients talk to S3 directly.
        list_service: Enumerates files.
        health_service: Tells the health of the backends.
        diagnosis_service: Tries what the backends can do.
        migration: Moves files from FastDFS to S3; `None` where this deployment is not being migrated.
    """

    upload_service: UploadService
    download_service: DownloadService
    delete_service: DeleteService
    info_service: InfoService
    copy_service: CopyService
    link_service: LinkService
    list_service: ListService
    health_service: HealthService
    diagnosis_service: DiagnosisService
    migration: "Migration | None" = None
