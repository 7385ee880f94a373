import pytest

from s3py_helper.adapters.fastdfs.upload.new_file import extension_of


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("report.pdf", "pdf"),
        ("IMAGE.JPEG", "JPEG"),
        ("archive.tar.gz", "gz"),
        ("x.7z_-", "7z_-"),
        ("a.sixsix", "sixsix"),
        ("a.jpeg2000", ""),
        ("noextension", ""),
        (".bashrc", ""),
        ("dot.", ""),
        ("имя.док", ""),
        ("a.b c", ""),
        ("a.²", ""),
    ],
)
def test_an_extension_is_kept_whole_or_not_at_all(file_name: str, expected: str) -> None:
    assert extension_of(file_name) == expected
