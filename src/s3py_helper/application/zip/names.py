"""The names of an archive's entries."""

from collections.abc import Sequence

from s3py_helper.application.pacing import Paced
from s3py_helper.application.zip.source import Source
from s3py_helper.domain.archive_name import EntryNames


async def entry_names(sources: Sequence[Source]) -> EntryNames:
    """Names that know from the start what callers want their files to be called."""
    names = EntryNames()
    async for source in Paced(sources):
        if source.display_name:
            names.expect(source.display_name)
    return names
