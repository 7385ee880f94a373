"""The file `.env`: what would silently not be read of it is an error."""

from dataclasses import dataclass
from pathlib import Path

from s3py_helper.domain.errors import InvalidArgumentException


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file of variables holds.

    Attributes:
        names: The variables that it names, in order.
        problems: Lines that no variable can be read from, by number; a line may hold a secret and is not repeated.
    """

    names: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "EnvFile":
        """Read a file; one that does not exist holds nothing.

        Raises:
            InvalidArgumentException: It cannot be read, or is not text in UTF-8.
        """
        try:
            # As every editor on Windows may begin it: with a byte order mark.
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise InvalidArgumentException(f"the file {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise InvalidArgumentException(f"the file {path} is not UTF-8 text: {error.reason}") from None
        if "\0" in text:
            raise InvalidArgumentException(f"the file {path} is not UTF-8 text: it contains NUL characters")
        return cls._parsed(path, text)

    @classmethod
    def _parsed(cls, path: Path, text: str) -> "EnvFile":
        from io import StringIO  # noqa: PLC0415 - only those who have such a file need them

        from dotenv.parser import parse_stream  # noqa: PLC0415

        names: list[str] = []
        problems: list[str] = []
        for binding in parse_stream(StringIO(text)):
            if binding.error:
                line = binding.original.line + _blank_lines_before(binding.original.string)
                problems.append(f"{path}, line {line}: it cannot be read, write NAME=value")
            elif binding.key is not None:
                # A name alone stands for a variable of the environment, as in the files that Docker reads.
                names.append(binding.key)
        return cls(tuple(names), tuple(problems))


def _blank_lines_before(statement: str) -> int:
    """The parser counts the blank lines before a statement as its first ones."""
    return statement[: len(statement) - len(statement.lstrip())].count("\n")
