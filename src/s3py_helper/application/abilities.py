"""What some backends can do and others cannot."""

from s3py_helper.domain.errors import RouteNotSupportedException
from s3py_helper.domain.file_id import Backend


def required[Ability](ability: Ability | None, backend: Backend, wish: str) -> Ability:
    """The ability, or `RouteNotSupportedException` saying that the backend cannot do what is wished."""
    if ability is None:
        raise RouteNotSupportedException(f"{backend} cannot {wish}", backend=backend)
    return ability
