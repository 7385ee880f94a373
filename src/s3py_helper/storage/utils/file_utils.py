"""Helpers of 0.0.17, for applications that import them from here; their home is `s3py_helper.storage.legacy`."""

from s3py_helper.storage.lazy_names import moved

__getattr__ = moved(
    __name__,
    {
        "s3py_helper.storage": "InvalidArgumentException",
        "s3py_helper.storage.legacy": "build_s3_file_id extract_file_extension generate_object_key parse_s3_file_id",
    },
)
