from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.domain.errors import InvalidArgumentException


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"root": "a\0b"}, "root: a path has no NUL character"),
        ({"root": 3}, "root: "),
        ({"default_bucket": "a/b"}, "default_bucket: invalid bucket name 'a/b'"),
        ({"default_bucket": ""}, "default_bucket: "),
        ({"durable": False}, r"durable: there is no such setting, did you mean durability\?"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, object], named: str) -> None:
    given = {"root": "data", **settings}
    with pytest.raises(InvalidArgumentException, match=named):
        FilesystemConfig(**given)


def test_a_folder_may_be_given_as_text() -> None:
    assert FilesystemConfig.model_validate({"root": "data"}).root == Path("data")
