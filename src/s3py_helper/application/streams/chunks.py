"""What counts as bytes, and what is said of everything else."""

from collections.abc import Buffer

from s3py_helper.domain.errors import InvalidArgumentException


def bytes_in_memory(content: object) -> bytes:
    """What a caller gives as the whole content; `InvalidArgumentException` unless it is bytes-like."""
    if not isinstance(content, Buffer):
        raise InvalidArgumentException(
            f"the content is bytes, got {type(content).__name__}: encode text, and use upload_stream for files",
            operation="upload",
        )
    return as_bytes(content, "the caller")


def as_bytes(chunk: object, giver: str) -> bytes:
    """The bytes of a bytes-like object, copied: its owner may overwrite it while parts of it wait to be sent.

    Raises:
        InvalidArgumentException: It is none. `bytes()` alone would make 72 zeros of the number 72.
    """
    if type(chunk) is bytes:
        return chunk
    if chunk is None:
        raise InvalidArgumentException(
            f"{giver} gave None, as a non-blocking file does that has no bytes yet: give a blocking one, "
            "or an async iterator of bytes",
            operation="upload",
        )
    if not isinstance(chunk, Buffer):
        raise InvalidArgumentException(
            f"{giver} gave {type(chunk).__name__}, not bytes: open it in binary mode, or encode its text",
            operation="upload",
        )
    try:
        return memoryview(chunk).tobytes()
    except ValueError as error:
        raise InvalidArgumentException(
            f"{giver} gave a buffer that cannot be read: {error}", operation="upload"
        ) from None
