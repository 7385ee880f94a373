"""What raw FastDFS services offer, for applications that import it from here; its home is the package `fastdfs`."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(
    __name__,
    {
        "s3py_helper.storage": "FileAttach FileBasicInfo FileDownload",
        "s3py_helper.storage.fastdfs": """
            FastdfsDeleteService FastdfsDownloadService FastdfsInfoService FastdfsUploadService
        """,
    },
)
