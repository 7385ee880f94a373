"""A guard for whole test modules: whoever used HTTP connections has given them back."""

from collections.abc import Iterator
from typing import Any

import pytest

from s3py_helper.adapters.s3.http.client import HttpClient


@pytest.fixture(autouse=True)
def every_client_is_empty_in_the_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each client that the test made, or that its sessions made, is closed, holds no place and has nothing open."""
    clients: list[HttpClient] = []
    real = HttpClient.__init__

    def remembered(client: HttpClient, *arguments: Any, **named: Any) -> None:
        real(client, *arguments, **named)
        clients.append(client)

    monkeypatch.setattr(HttpClient, "__init__", remembered)
    yield
    left = [(client.closed, client.places_in_use, client.connections) for client in clients]
    assert left == [(True, 0, 0)] * len(clients), "closed, places in use, open connections"
