"""Rules for the pairs that users attach to files."""

from collections.abc import Mapping
from typing import cast

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import forbidden_character, shortened


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """A copy of the pairs; empty for `None`.

    Names and values are text in any script without control characters. How much a backend holds is its own rule (S3:
    2 KiB in all, FastDFS: names of 64 and values of 256 bytes), and S3 gives names back in lower case.

    Raises:
        InvalidArgumentException: A name is empty, or a name or value is no such text.
    """
    if metadata is None:
        return {}
    # Annotations do not bind callers.
    if not isinstance(cast("object", metadata), Mapping):
        raise InvalidArgumentException(
            f"metadata are a mapping of texts, got {shortened(metadata)}", operation="upload"
        )
    pairs = dict(metadata)
    for name, value in cast("dict[object, object]", pairs).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidArgumentException(f"metadata are pairs of text, got {name!r}: {value!r}", operation="upload")
        if not name.strip():
            raise InvalidArgumentException(f"metadata name {name!r} is empty or blank", operation="upload")
        if problem := forbidden_character(name):
            raise InvalidArgumentException(f"metadata name {name!r} contains {problem}", operation="upload")
        if problem := forbidden_character(value):
            raise InvalidArgumentException(f"the value of metadata {name!r} contains {problem}", operation="upload")
    return pairs
