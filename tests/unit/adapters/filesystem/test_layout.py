import os

from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.filesystem.disk.layout import INCOMING, DiskPath
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import FileId


def test_bucket_and_folders_are_folders_and_the_last_segment_is_the_file() -> None:
    assert DiskPath.of(FileId.parse("fs:bucket/a/б/name.txt")) == DiskPath((b"bucket", b"a", "б".encode()), b"name.txt")


@given(
    segments=st.lists(st.sampled_from(["a", "..", ".", "", ".incoming", "\\", "x" * 255, "б", "...", "~"]) | st.text())
)
def test_no_id_leaves_the_root_or_enters_the_folder_of_unfinished_uploads(segments: list[str]) -> None:
    try:
        place = DiskPath.of(FileId.parse("fs:" + "/".join(segments)))
    except InvalidArgumentException:
        return  # Refused before it is a path.
    path = b"/".join([b"/root", *place.folders, place.name])
    assert os.path.normpath(path) == path
    assert place.folders[0] != INCOMING.encode()
    assert all(len(name) <= 255 for name in (*place.folders, place.name))
