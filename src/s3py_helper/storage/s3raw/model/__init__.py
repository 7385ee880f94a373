"""The key of the original file name, for applications that import it from here."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(__name__, {"s3py_helper.storage.legacy": "REAL_FILE_NAME_KEY"})
