"""The exceptions, for applications that import them from here; their home is `s3py_helper.storage`."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(
    __name__,
    {
        "s3py_helper.storage": """
            DeleteNotSupportedException FileNotFoundException InvalidArgumentException InvalidFileTypeException
            RouteNotSupportedException StorageException StorageOperationException
        """
    },
)
