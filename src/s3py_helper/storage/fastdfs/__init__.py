"""FastDFS without routing and validation: the client, and services whose ids read `group1/M00/...`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient as FastdfsClient
    from s3py_helper.storage.fastdfs.service.appender_service import (
        FastdfsAppenderServiceImpl as FastdfsAppenderServiceImpl,
    )
    from s3py_helper.storage.fastdfs.service.delete_service import FastdfsDeleteServiceImpl as FastdfsDeleteServiceImpl
    from s3py_helper.storage.fastdfs.service.download_service import (
        FastdfsDownloadServiceImpl as FastdfsDownloadServiceImpl,
    )
    from s3py_helper.storage.fastdfs.service.info_service import FastdfsInfoServiceImpl as FastdfsInfoServiceImpl
    from s3py_helper.storage.fastdfs.service.metadata_service import (
        FastdfsMetadataServiceImpl as FastdfsMetadataServiceImpl,
    )
    from s3py_helper.storage.fastdfs.service.slave_service import FastdfsSlaveServiceImpl as FastdfsSlaveServiceImpl
    from s3py_helper.storage.fastdfs.service.upload_service import FastdfsUploadServiceImpl as FastdfsUploadServiceImpl
    from s3py_helper.storage.protocols import FastdfsDeleteService as FastdfsDeleteService
    from s3py_helper.storage.protocols import FastdfsDownloadService as FastdfsDownloadService
    from s3py_helper.storage.protocols import FastdfsInfoService as FastdfsInfoService
    from s3py_helper.storage.protocols import FastdfsUploadService as FastdfsUploadService
else:
    from s3py_helper.storage.lazy_names import import_on_use

    __getattr__, __dir__ = import_on_use(
        __name__,
        {
            "s3py_helper.storage.fastdfs.client.fastdfs_client": "FastdfsClient",
            "s3py_helper.storage.protocols": """
                FastdfsDeleteService FastdfsDownloadService FastdfsInfoService FastdfsUploadService
            """,
            "s3py_helper.storage.fastdfs.service.appender_service": "FastdfsAppenderServiceImpl",
            "s3py_helper.storage.fastdfs.service.delete_service": "FastdfsDeleteServiceImpl",
            "s3py_helper.storage.fastdfs.service.download_service": "FastdfsDownloadServiceImpl",
            "s3py_helper.storage.fastdfs.service.info_service": "FastdfsInfoServiceImpl",
            "s3py_helper.storage.fastdfs.service.metadata_service": "FastdfsMetadataServiceImpl",
            "s3py_helper.storage.fastdfs.service.slave_service": "FastdfsSlaveServiceImpl",
            "s3py_helper.storage.fastdfs.service.upload_service": "FastdfsUploadServiceImpl",
        },
    )
