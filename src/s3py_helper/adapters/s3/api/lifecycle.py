"""Rules by which a bucket removes things: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html."""

from typing import Final

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.sender import Request, RequestSender
from s3py_helper.domain.errors import StorageException

_ANY: Final = "{*}"
_NONE: Final = "NoSuchLifecycleConfiguration"


async def days_of_unfinished_uploads(sender: RequestSender, bucket: str) -> int | None:
    """Days after which the bucket removes the parts of uploads that nobody ended; `None` where it never does.

    A rule for a part of the bucket counts as well: which part is up to its owner.
    """
    try:
        document = await sender.send_for_document(Request("examine", "GET", bucket, query=(("lifecycle", ""),)))
    except StorageException as error:
        if isinstance(error.__cause__, ErrorResponse) and error.__cause__.code == _NONE:
            return None
        raise
    days = [
        int(text)
        for rule in document.root.iterfind(f"{_ANY}Rule")
        if rule.findtext(f"{_ANY}Status") == "Enabled"
        and (text := rule.findtext(f"{_ANY}AbortIncompleteMultipartUpload/{_ANY}DaysAfterInitiation", "")).isdecimal()
    ]
    return min(days, default=None)
