"""S3 without routing and validation: the client, and services whose ids read `bucket/key`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3py_helper.storage.protocols import S3RawDeleteService as S3RawDeleteService
    from s3py_helper.storage.protocols import S3RawDownloadService as S3RawDownloadService
    from s3py_helper.storage.protocols import S3RawInfoService as S3RawInfoService
    from s3py_helper.storage.protocols import S3RawUploadService as S3RawUploadService
    from s3py_helper.storage.s3raw.client.s3_client import Body as Body
    from s3py_helper.storage.s3raw.client.s3_client import S3Client as S3Client
    from s3py_helper.storage.s3raw.multipart import CompletedPart as CompletedPart
    from s3py_helper.storage.s3raw.multipart import CompleteResult as CompleteResult
    from s3py_helper.storage.s3raw.multipart import InitiateResult as InitiateResult
    from s3py_helper.storage.s3raw.multipart import IS3MultipartUpload as IS3MultipartUpload
    from s3py_helper.storage.s3raw.multipart import ListPartsResult as ListPartsResult
    from s3py_helper.storage.s3raw.multipart import PartInfo as PartInfo
    from s3py_helper.storage.s3raw.multipart import S3MultipartUploadImpl as S3MultipartUploadImpl
    from s3py_helper.storage.s3raw.service.delete_service import S3RawDeleteServiceImpl as S3RawDeleteServiceImpl
    from s3py_helper.storage.s3raw.service.download_service import S3RawDownloadServiceImpl as S3RawDownloadServiceImpl
    from s3py_helper.storage.s3raw.service.info_service import S3RawInfoServiceImpl as S3RawInfoServiceImpl
    from s3py_helper.storage.s3raw.service.upload_service import S3RawUploadServiceImpl as S3RawUploadServiceImpl
else:
    from s3py_helper.storage.lazy_names import import_on_use

    __getattr__, __dir__ = import_on_use(
        __name__,
        {
            "s3py_helper.storage.s3raw.client.s3_client": "Body S3Client",
            "s3py_helper.storage.s3raw.multipart": """
                CompletedPart CompleteResult InitiateResult IS3MultipartUpload ListPartsResult PartInfo
                S3MultipartUploadImpl
            """,
            "s3py_helper.storage.protocols": """
                S3RawDeleteService S3RawDownloadService S3RawInfoService S3RawUploadService
            """,
            "s3py_helper.storage.s3raw.service.delete_service": "S3RawDeleteServiceImpl",
            "s3py_helper.storage.s3raw.service.download_service": "S3RawDownloadServiceImpl",
            "s3py_helper.storage.s3raw.service.info_service": "S3RawInfoServiceImpl",
            "s3py_helper.storage.s3raw.service.upload_service": "S3RawUploadServiceImpl",
        },
    )
