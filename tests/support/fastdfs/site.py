"""A FastDFS as the tests meet it, whatever stands behind it."""

from abc import ABC, abstractmethod
from typing import Literal

import pytest

type AddressFields = Literal["auto", "IPv6"]
"""`auto` gives 15 bytes to an address in a tracker's reply, `IPv6` gives 45."""


class FastdfsSite(ABC):
    """Two replicas of `group1` and one storage of `group2`, except where the environment names a tracker."""

    def __init__(self, description: str, trackers: tuple[str, ...], *, is_real: bool) -> None:
        self.description = description
        self.trackers = trackers
        """Each as `host:port`."""
        self.is_real = is_real

    @abstractmethod
    def stop_storage(self, group: str, index: int) -> None:
        """Blocks until it is down. A test whose event loop must go on calls it in a thread."""

    @abstractmethod
    def start_storage(self, group: str, index: int) -> None:
        """Blocks until trackers send clients to it again."""

    @abstractmethod
    def close(self) -> None: ...


class NamedSite(FastdfsSite):
    """Somebody else's FastDFS, which tests use but do not stop."""

    def __init__(self, trackers: str) -> None:
        addresses = tuple(address.strip() for address in trackers.split(",") if address.strip())
        super().__init__(f"tracker {', '.join(addresses)}", addresses, is_real=True)

    def stop_storage(self, group: str, index: int) -> None:
        pytest.skip(f"storage {index} of {group} is not ours to stop ({self.description})")

    def start_storage(self, group: str, index: int) -> None:
        pytest.skip(f"storage {index} of {group} is not ours to start ({self.description})")

    def close(self) -> None:
        """Nothing was started."""
