"""Which token a request shows, and which files that reaches."""

import pytest
from fastapi import HTTPException, Request

from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.access.tokens import Token, Tokens
from s3py_helper.entrypoints.token_config import digest_of

TOKENS = Tokens(
    {
        digest_of("all"): Token("everything"),
        digest_of("box"): Token("a folder", folder="a b/"),
        digest_of("reads"): Token("reader", frozenset({Action.READ})),
    },
    RoutingPolicy(StorageMode.HYBRID),
)
FASTDFS = RoutingPolicy(StorageMode.FASTDFS)


def _request(authorization: str | None, query: str = "") -> Request:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize("shown", ["Bearer all", "bearer all", "BEARER  all "])
def test_a_token_is_known_however_its_scheme_is_written(shown: str) -> None:
    assert TOKENS.name_of(_request(shown).scope) == "everything"
    assert TOKENS.permits(_request(shown), Action.READ)


@pytest.mark.parametrize("shown", [None, "", "all", "Basic all", "Token all", "Bearer", "Bearer other", "Bearer All"])
def test_whatever_else_is_shown_is_no_token(shown: str | None) -> None:
    request = _request(shown)
    with pytest.raises(HTTPException) as refused:
        TOKENS.token_of(request)
    assert refused.value.status_code == 401
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer realm="files"'}
    assert TOKENS.name_of(request.scope) is None
    assert not TOKENS.permits(request, Action.READ)


@pytest.mark.parametrize(
    ("action", "file_id", "query", "permitted"),
    [
        (Action.READ, "s3:bucket/a b/x", "", True),
        (Action.READ, "s3:bucket/a~20b/x", "", True),
        (Action.READ, "s3:bucket/a b", "", False),
        (Action.DELETE, "s3:bucket/a/x", "", False),
        (Action.READ, "group1/M00/00/00/old.pdf", "", False),
        (Action.READ, "s3:", "", False),
        (Action.WRITE, None, "folder=a%20b", True),
        (Action.WRITE, None, "folder=/a%20b/c/", True),
        (Action.WRITE, None, "folder=a", False),
        (Action.WRITE, None, "folder=a%20b/../c", False),
        (Action.NAME, None, "", False),
        (Action.LIST, None, "prefix=a%20b/c", True),
        (Action.LIST, None, "prefix=a~20b/c", True),
        (Action.LIST, None, "prefix=a", False),
        (Action.LIST, None, "", False),
    ],
)
def test_a_token_of_a_folder_reaches_nothing_else(
    action: Action, file_id: str | None, query: str, *, permitted: bool
) -> None:
    request = _request("Bearer box", query)
    if permitted:
        assert TOKENS.authorize(request, action, file_id) is True
        return
    with pytest.raises(HTTPException, match="this token reaches the folder 'a b/' only") as refused:
        TOKENS.authorize(request, action, file_id)
    assert refused.value.status_code == 403


def test_no_folder_holds_new_files_of_fastdfs() -> None:
    tokens = Tokens({digest_of("box"): Token("a folder", folder="a/")}, FASTDFS)
    with pytest.raises(HTTPException, match="reaches the folder"):
        tokens.authorize(_request("Bearer box", "folder=a"), Action.WRITE, None)


def test_the_scope_that_is_missing_is_named() -> None:
    with pytest.raises(HTTPException, match="this token does not permit 'write'") as refused:
        TOKENS.authorize(_request("Bearer reads"), Action.WRITE, None)
    assert refused.value.status_code == 403
    challenge = 'Bearer realm="files", error="insufficient_scope", scope="write"'
    assert refused.value.headers == {"WWW-Authenticate": challenge}
