"""As the package: an old home."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(
    __name__, {"s3py_helper.storage.s3raw": "CompletedPart CompleteResult InitiateResult ListPartsResult PartInfo"}
)
