"""What clients of old links are told of a file: what the nginx module told them, and an entity tag."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, override

from s3py_helper.application.download import OpenFile
from s3py_helper.domain.content_disposition import content_disposition
from s3py_helper.domain.fastdfs_link import file_name_in
from s3py_helper.domain.fastdfs_name import decoded
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.domain.nginx_media_types import nginx_media_type
from s3py_helper.entrypoints.http.downloads.conditions import Validators
from s3py_helper.entrypoints.http.downloads.file_headers import Offer, Presentation
from s3py_helper.entrypoints.http.downloads.http_date import http_date

_UNSAFE_BYTES: Final = re.compile(rb'[\x00-\x1f\x7f"\\]')


@dataclass(slots=True)
class LinkPresentation(Presentation):
    """One request's.

    A file is shown unless a name is given, under the type of its extension: what it was uploaded as does not count.

    Attributes:
        name: The file's name on its group, which tells what it is.
        link_cache_control: The value of `Cache-Control`; `None` for none.
        filename: What the link says that the file is to be saved as; `None` where it is to be shown.
        strict: Whether that name is passed on as the module does.
    """

    bytes_alone: ClassVar[bool] = True

    name: str = ""
    link_cache_control: str | None = None
    filename: bytes | None = None
    strict: bool = False

    @override
    def validators(self, info: FileBasicInfo) -> Validators:
        """Those that stay the same when the file moves.

        A file whose name tells its CRC-32 never changes, and no other file ever gets that name. Others may change
        without another date, within a second: their tags are weak (RFC 9110, 8.8.1).
        """
        if (in_name := self._validators_in_name()) is not None:
            return in_name
        modified = info.last_modify_time
        if modified is None or info.file_size is None:
            return Validators(info.etag, modified)
        return Validators(f'W/"{int(modified.timestamp()):x}-{info.file_size:x}"', modified)

    @override
    def offer(self, info: FileBasicInfo) -> Offer:
        name = None if self.filename is None else file_name_in(self.filename)
        return Offer(name, nginx_media_type(self.name), inline=self.filename is None)

    @override
    def of_file(self, info: FileBasicInfo, cache_control: str) -> dict[str, str]:
        return self._of_file(self.validators(info), cache_control)

    @override
    def of_open_file(self, opened: OpenFile, cache_control: str) -> dict[str, str]:
        return self._of_file(self._validators_in_name() or self.validators(opened.info), cache_control)

    def _validators_in_name(self) -> Validators | None:
        facts = decoded(self.name)
        if facts is None or facts.crc32 is None:
            return None
        return Validators(f'"{self.name.rpartition("/")[2]}"', facts.created_at)

    def _of_file(self, validators: Validators, cache_control: str) -> dict[str, str]:
        headers = self.of_version(validators, cache_control)
        headers["Accept-Ranges"] = "bytes"
        headers["Content-Type"] = nginx_media_type(self.name)
        if self.filename is not None:
            headers["Content-Disposition"] = _disposition(self.filename, strict=self.strict)
        return headers

    @override
    def of_version(self, validators: Validators, cache_control: str) -> dict[str, str]:
        headers: dict[str, str] = {}
        if validators.etag is not None:
            headers["ETag"] = validators.etag
        if validators.last_modified is not None:
            headers["Last-Modified"] = http_date(validators.last_modified)
        if self.link_cache_control is not None:
            headers["Cache-Control"] = self.link_cache_control
        return headers


def _disposition(filename: bytes, *, strict: bool) -> str:
    """The value of `Content-Disposition` for the parameter `filename`.

    Args:
        filename: Bytes of any encoding.
        strict: As the module writes it: the bytes as they are, but for those that would end the name or the header.
    """
    if strict:
        return f'attachment; filename="{_UNSAFE_BYTES.sub(b"_", filename).decode("latin-1")}"'
    return content_disposition(file_name_in(filename))
