"""What is made when it is first needed, made beforehand."""

from functools import cache

from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.files import FileAttach, FileBasicInfo, FileDownload


@cache
def warm_up() -> None:
    """Take the milliseconds (some 20) that the first request would hold the event loop up; for a thread."""
    # Python reads the system's tables of media types, too, before it makes one without them.
    guess_content_type("a.txt")
    for model in (FileAttach, FileBasicInfo, FileDownload):
        model.model_rebuild()
