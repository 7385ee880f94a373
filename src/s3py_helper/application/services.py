"""The use cases of one deployment, put together."""

from dataclasses import dataclass

from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.health import HealthService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.upload import UploadService


@dataclass(frozen=True, slots=True)
class FileServices:
    """What a manager, a router or a command needs to work with files."""

    upload_service: UploadService
    download_service: DownloadService
    delete_service: DeleteService
    info_service: InfoService
    copy_service: CopyService
    link_service: LinkService
    list_service: ListService
    health_service: HealthService
