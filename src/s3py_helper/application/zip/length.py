"""The size of an archive before its first byte."""

from collections.abc import Sequence

from s3py_helper.application.pacing import Paced
from s3py_helper.application.zip.form import data_length_when_stored, form_when_stored
from s3py_helper.application.zip.names import entry_names
from s3py_helper.application.zip.options import ZipOptions
from s3py_helper.application.zip.policy import compresses
from s3py_helper.application.zip.records import Content, EntryHeader
from s3py_helper.application.zip.source import Source
from s3py_helper.application.zip.writer import ArchiveWriter


async def exact_length(sources: Sequence[Source], options: ZipOptions) -> int | None:
    """The archive's size in bytes; `None` when it cannot be known.

    It is known when every file is, none is compressed, and none may be left out. The archive is written for it, without
    the files' bytes, so that the number cannot differ from what is sent later.
    """
    if options.on_error == "skip":
        return None
    names = await entry_names(sources)
    writer = ArchiveWriter()
    async for source in Paced(sources):
        info = source.info
        if info is None or compresses(options.compression, source.name(info), info.content_type):
            return None
        form = form_when_stored(info)
        length = data_length_when_stored(form)
        name = source.claim_name(names, info)
        writer.begin(EntryHeader(name, info.last_modified, form.method, form.content, form.wide))
        writer.add(length)
        writer.end(form.content or Content(0, info.size, length))
    for _ in writer.finish():
        pass  # only counted
    return writer.offset
