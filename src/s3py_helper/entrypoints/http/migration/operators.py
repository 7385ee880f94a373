"""Routes for operators, who are told of failures what clients of files are not."""

from collections.abc import Callable, Coroutine
from typing import Any, override

from fastapi import Request, Response

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.problems.route import ProblemRoute, logged_problem


class OperatorRoute(ProblemRoute):
    """Answers errors of the tree with their message: it says what is missing, and names groups, files and ledgers."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, as FastAPI calls it."""
        handle = super().get_route_handler()

        async def handle_for_operators(request: Request) -> Response:
            try:
                return await handle(request)
            except StorageException as error:
                return logged_problem(request.scope, error, detail=str(error))

        return handle_for_operators
