"""Who may use the service, as deployments write it down: no token itself, only what it is recognized by."""

import re
from hashlib import sha256
from secrets import token_urlsafe
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from s3py_helper.domain.file_name import check_folder
from s3py_helper.domain.settings_model import SettingsModel
from s3py_helper.entrypoints.action import Action

_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")


def new_token() -> str:
    """A token of 256 random bits, for the header `Authorization: Bearer <token>`."""
    return token_urlsafe(32)


def digest_of(token: str) -> str:
    """What a token is recognized by.

    A slow hash would add nothing: nobody can try 256 random bits, and each request would pay for it.
    """
    return sha256(token.encode()).hexdigest()


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError(
            "it is the SHA-256 of the token as 64 hexadecimal digits: `s3py token` makes both, "
            '`printf %s "$token" | sha256sum` the digest alone'
        )
    return text.lower()


def _folder(folder: str) -> str:
    trimmed = check_folder(folder)
    if not trimmed:
        raise ValueError("it is empty: name a folder, or leave it out")
    return f"{trimmed}/"


class TokenConfig(SettingsModel, defer_build=True):
    """One token, and what it permits."""

    sha256: Annotated[str, AfterValidator(_digest)]
    """SHA-256 of the token, in hexadecimal."""
    scopes: frozenset[Action] = Field(min_length=1)
    """What may be done with it."""
    folder: Annotated[str, AfterValidator(_folder)] | None = None
    """The only folder that it reaches; files in FastDFS are in none."""
