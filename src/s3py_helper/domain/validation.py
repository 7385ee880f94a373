"""The checks that every upload passes before a backend hears of it."""

from s3py_helper.domain.arguments import require_number, require_optional_instance, require_optional_number
from s3py_helper.domain.errors import FileTooLargeException
from s3py_helper.domain.file_name import check_file_name
from s3py_helper.domain.file_type import FileTypeConfig, check_file_type


class FileValidatorImpl:
    """Validates names, types and sizes.

    Args:
        file_type_config: Allowed and refused types; none are restricted by default.
        max_file_size: Largest size in bytes, `None` for no limit. It holds while streaming, whatever was declared.
    """

    def __init__(self, file_type_config: FileTypeConfig | None = None, max_file_size: int | None = None) -> None:
        self.file_type_config = (
            require_optional_instance(file_type_config, FileTypeConfig, "file_type_config") or FileTypeConfig()
        )
        self.max_file_size = require_optional_number(max_file_size, "max_file_size, in bytes,")

    def validate_file_name(self, file_name: str) -> None:
        """Raise `InvalidArgumentException` for a name that no file should have."""
        check_file_name(file_name)

    def validate_file_type(self, file_name: str) -> None:
        """Raise `InvalidFileTypeException` for a type that is not allowed."""
        check_file_type(file_name, self.file_type_config)

    def validate_file_size(self, file_size: int) -> None:
        """Raise `FileTooLargeException` above the limit, `InvalidArgumentException` below zero."""
        require_number(file_size, "a file size")
        if self.max_file_size is not None and file_size > self.max_file_size:
            raise FileTooLargeException(
                f"the file has {file_size} bytes, {self.max_file_size} are allowed", limit=self.max_file_size
            )
