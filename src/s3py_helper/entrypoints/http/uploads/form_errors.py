"""What can be wrong with a form."""

from s3py_helper.domain.errors import InvalidArgumentException


class FormException(InvalidArgumentException):
    """The body of a request is not the form that it should be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, operation="upload")
