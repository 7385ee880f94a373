"""What can be said of an entry before its data."""

from dataclasses import dataclass

from s3py_helper.application.zip.format.deflate import BATCH, stored_blocks_length
from s3py_helper.application.zip.format.records import UINT32_MAX, Content, Method
from s3py_helper.domain.blob import BlobInfo


@dataclass(frozen=True, slots=True)
class Form:
    """What an entry's header has to say, except for its name.

    Attributes:
        info: The file.
        method: How its data is written.
        content: What the data will be, `None` when that is only known behind it.
        wide: The data descriptor will have sizes of eight bytes.
    """

    info: BlobInfo
    method: Method
    content: Content | None
    wide: bool = False


def form_when_stored(info: BlobInfo) -> Form:
    """The form of a file that is not compressed: it follows from size and CRC-32 alone.

    A stored entry must tell its size and CRC-32 in its header, as Java refuses others; where the CRC-32 is not known in
    time, deflate's stored blocks take the place.
    """
    crc32 = known_crc32(info)
    if info.size <= BATCH:
        # Read as a whole, so its CRC-32 will be known; the header's length does not depend on it.
        crc32 = crc32 or 0
    if crc32 is not None:
        return Form(info, Method.STORED, Content(crc32, info.size, info.size))
    return Form(info, Method.DEFLATED, None, wide=stored_blocks_length(info.size) > UINT32_MAX)


def data_length_when_stored(form: Form) -> int:
    """How long the data of such a form is."""
    return form.info.size if form.method is Method.STORED else stored_blocks_length(form.info.size)


def known_crc32(info: BlobInfo) -> int | None:
    """The file's CRC-32, where its backend knows it."""
    return None if info.checksum is None else info.checksum.crc32_value
