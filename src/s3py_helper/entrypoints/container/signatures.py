"""Whether uploads are compared with the signatures of their types, and by what."""

from s3py_helper.application.ports.signatures import Signatures
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.validation import FileValidatorImpl


def signatures_for(validator: FileValidatorImpl) -> Signatures | None:
    """What knows signatures, where the rules of uploads ask for it.

    Raises:
        InvalidArgumentException: They ask for it, and the package that knows them is not installed.
    """
    # A validator of somebody else's need not have any rule of types.
    rules = getattr(validator, "file_type_config", None)
    if rules is None or not rules.match_content:
        return None
    try:
        # Imported here: the package is optional, and its table takes 60 ms to read.
        from s3py_helper.adapters.puremagic.signatures import PuremagicSignatures  # noqa: PLC0415 - see above
    except ImportError as error:
        raise InvalidArgumentException(
            "file_types.match_content needs the package puremagic: install s3py-helper[types]"
        ) from error
    return PuremagicSignatures()
