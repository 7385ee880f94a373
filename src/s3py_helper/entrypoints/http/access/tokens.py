"""Bearer tokens (RFC 6750): several, each with scopes and perhaps a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_name import check_folder
from s3py_helper.domain.object_key import escaped
from s3py_helper.domain.routing import RoutingPolicy
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.entrypoints.token_config import digest_of

_KEY: Final = "s3py_helper.token"

_bearer: Final = HTTPBearer(auto_error=False, description="A token of this service.")


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token.

    Attributes:
        name: What the deployment calls it.
        scopes: What may be done with it.
        folder: Front of the keys that it reaches, with a slash at its end; `None` for all.
    """

    name: str
    scopes: frozenset[Action] = frozenset(Action)
    folder: str | None = None


class Tokens:
    """Finds out whose request it is, and decides what may be done with that token.

    Args:
        tokens: By the digest that they are recognized by; how long finding one takes tells nothing about the token.
        policy: How ids are read, and where new files go.
    """

    def __init__(self, tokens: Mapping[str, Token], policy: RoutingPolicy) -> None:
        self._tokens = tokens
        self._policy = policy

    @classmethod
    def of(cls, settings: Settings, policy: RoutingPolicy) -> "Tokens | None":
        """Those of a deployment; `None` where it has none, and everybody may do everything."""
        tokens = {config.sha256: Token(name, config.scopes, config.folder) for name, config in settings.tokens.items()}
        if settings.api_token is not None:
            tokens[digest_of(settings.api_token.get_secret_value())] = Token("api_token")
        return cls(tokens, policy) if tokens else None

    async def __call__(
        self, request: Request, _described: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        """A dependency: raise 401 unless the request has a token, before anything else is done for it."""
        self.token_of(request)

    def token_of(self, request: Request) -> Token:
        """The token of a request.

        Raises:
            HTTPException: It has none, or one that is not known: 401.
        """
        known: Token | None = request.scope.get(_KEY)
        if known is None:
            known = request.scope[_KEY] = self._presented(request)
        return known

    def authorize(self, request: Request, action: Action, file_id: str | None) -> bool:
        """Whether the token of the request permits it.

        Raises:
            HTTPException: It does not: 403, with the scope that is missing (RFC 6750, 3.1).
        """
        token = self.token_of(request)
        if action not in token.scopes:
            raise _refused(action, f"this token does not permit '{action}'")
        if token.folder is not None and not self._reaches(token.folder, request, action, file_id):
            raise _refused(action, f"this token reaches the folder {token.folder!r} only")
        return True

    def name_of(self, scope: Scope) -> str | None:
        """What the deployment calls the token of a request; `None` where that has none that is known."""
        try:
            return self.token_of(Request(scope)).name
        except HTTPException:
            return None

    def permits(self, request: Request, action: Action) -> bool:
        """Whether the request has a token that permits it; raises nothing."""
        try:
            return action in self.token_of(request).scopes
        except HTTPException:
            return False

    def _presented(self, request: Request) -> Token:
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(digest_of(presented.strip())) if scheme.lower() == "bearer" else None
        if token is None:
            raise HTTPException(
                401,
                "this service needs the header 'Authorization: Bearer <token>' with the right token",
                headers={"WWW-Authenticate": 'Bearer realm="files"'},
            )
        return token

    def _reaches(self, folder: str, request: Request, action: Action, file_id: str | None) -> bool:
        if file_id is not None:
            return self._is_in(folder, file_id)
        query = request.query_params
        match action:
            case Action.WRITE | Action.NAME:
                return self._policy.new_files != Backend.FASTDFS and _in_folder(folder, query.get("folder", ""))
            case Action.LIST:
                return query.get("prefix", "").startswith((folder, escaped(folder)))
            case _:
                return True

    def _is_in(self, folder: str, text: str) -> bool:
        try:
            file_id = FileId.parse(text, self._policy.mounted)
        except InvalidArgumentException:
            return False
        return file_id.backend != Backend.FASTDFS and file_id.key.startswith((folder, escaped(folder)))


def _in_folder(folder: str, wanted: str) -> bool:
    try:
        return f"{check_folder(wanted)}/".startswith(folder)
    except InvalidArgumentException:
        return False


def _refused(action: Action, detail: str) -> HTTPException:
    challenge = f'Bearer realm="files", error="insufficient_scope", scope="{action}"'
    return HTTPException(403, detail, headers={"WWW-Authenticate": challenge})
