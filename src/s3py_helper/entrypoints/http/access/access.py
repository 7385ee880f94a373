"""Asks whether a request may do what it is about to do."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import HTTPException, Request

from s3py_helper.entrypoints.action import Action

type Authorize = Callable[[Request, Action, str | None], bool | Awaitable[bool]]
"""Decides about one request, what it is about to do, and the id of the file; `None` where the file is yet to be stored,
and for listings: what such requests say of folder, bucket and prefix is in `request.query_params`.

Anything but `True` refuses with 403; an `HTTPException` or an error of storage that it raises is the response instead.
"""


class Access:
    """What the endpoints ask; without a rule everything is permitted.

    Args:
        authorize: The rule.

    Attributes:
        asks: Whether there is one.
    """

    def __init__(self, authorize: Authorize | None = None) -> None:
        self._authorize: Final = authorize
        self.asks: Final = authorize is not None

    async def require(self, request: Request, action: Action, file_id: str | None = None) -> None:
        """Return when the request may do it, before anything is done or read for it.

        Raises:
            HTTPException: It may not.
        """
        if self._authorize is None:
            return
        answer = self._authorize(request, action, file_id)
        if inspect.isawaitable(answer):
            answer = await answer
        if answer is not True:
            what = "" if file_id is None else f": {file_id}"
            raise HTTPException(403, f"you may not do this here ({action}){what}")
