"""Multipart uploads, for applications that import them from here; their home is `s3py_helper.storage.s3raw`."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(
    __name__,
    {
        "s3py_helper.storage.s3raw": """
            CompletedPart CompleteResult InitiateResult ListPartsResult PartInfo IS3MultipartUpload
            S3MultipartUploadImpl
        """
    },
)
