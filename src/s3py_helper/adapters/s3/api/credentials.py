"""The keys that requests are signed with."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Credentials:
    """One set of keys; temporary ones come with a session token."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class CredentialSource(Protocol):
    """Gives keys that are valid now; asked before every request."""

    async def current(self) -> Credentials:
        """The keys, refreshed where they had to be."""
        ...

    async def renew(self, refused: Credentials) -> bool:
        """The service has refused these keys: look for others. Says whether `current` gives other ones now."""
        ...


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """Keys from the configuration: always the same."""

    credentials: Credentials

    async def current(self) -> Credentials:
        """The keys that were configured."""
        return self.credentials

    async def renew(self, refused: Credentials) -> bool:  # noqa: ARG002 - there are no others
        """There are no others."""
        return False
