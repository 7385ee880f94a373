"""Ids as lists have them: by themselves, in URLs, without their group."""

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.fastdfs_name import STORE_PATH
from s3py_helper.domain.file_id import Backend, FileId


def id_in_text(text: str, default_group: str | None) -> FileId:
    """The id in a line of a list: as it is, in a URL with host and query, or without its group.

    Raises:
        InvalidArgumentException: There is none in it.
    """
    path = text.partition("?")[0].partition("#")[0]
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    path = path.lstrip("/")
    first, slash, _ = path.partition("/")
    if slash and STORE_PATH.fullmatch(first):
        if default_group is None:
            raise InvalidArgumentException("it names no group: give the default group")
        path = f"{default_group}/{path}"
    file_id = FileId.parse(path)
    if file_id.backend != Backend.FASTDFS:
        raise InvalidArgumentException("it is no FastDFS id")
    if file_id.key.endswith("-m"):
        raise InvalidArgumentException("it names the metadata of a file, not a file")
    return file_id
