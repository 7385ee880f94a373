"""What services take and give, for applications that import it from here; its home is `s3py_helper.storage`."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(__name__, {"s3py_helper.storage": "FileAttach FileBasicInfo FileDownload FileType"})
