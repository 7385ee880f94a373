"""The settings, for applications that import them from here; their home is `s3py_helper.storage`."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(
    __name__,
    {
        "s3py_helper.storage": """
            FastdfsConfig FileTypeConfig FusionConfig S3Config S3PerfConfig StorageMode StorageModeConfig
        """
    },
)
