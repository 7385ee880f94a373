"""How long a cancelled upload waits for the response that says what is to be removed, and what it does without one."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.upload.multipart_upload import MultipartUpload
from s3py_helper.adapters.s3.upload.stored_or_nothing import stored_or_nothing
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException

pytestmark = pytest.mark.timeout(20)


class Service:
    """A service that is silent where a test says so, and notes what it is asked.

    Attributes:
        done: Requests, and how the silent one ended.
        silent: The request that gets no response until `answer` is set.
        later: When what is to be looked at once more.
    """

    def __init__(self, silent: str) -> None:
        self.done: list[str] = []
        self.silent = silent
        self.answer = asyncio.Event()
        self.asked = asyncio.Event()
        self.later: list[float] = []
        self.multipart = SimpleNamespace(
            create=self._create, complete=self._complete, abort=self._abort, require=self._require, ids_of=self._ids_of
        )
        self.endpoint = SimpleNamespace(url="http://127.0.0.9")
        self.checksums = SimpleNamespace(wanted=lambda _bucket: False)

    def as_objects(self) -> ObjectApi:
        return cast("ObjectApi", self)

    def as_background(self) -> BackgroundCleanUp:
        return cast("BackgroundCleanUp", self)

    async def request(self, name: str) -> str:
        if name == self.silent:
            self.asked.set()
            try:
                await self.answer.wait()
            except asyncio.CancelledError:
                for _ in range(3):
                    await asyncio.sleep(0)
                self.done.append(f"{name} given up")
                raise
        self.done.append(name)
        return name

    async def run(self, _backend: str, _what: str, work: Callable[[], Awaitable[None]]) -> None:
        await work()

    async def _create(self, *_: object, **__: object) -> object:
        await self.request("create")
        return SimpleNamespace(upload_id="u", checks_whole=False, repeated=False)

    async def _complete(self, *_: object, **__: object) -> tuple[str, None]:
        await self.request("complete")
        return '"etag"', None

    async def _abort(self, *_: object) -> None:
        await self.request("abort")

    async def _require(self, *_: object) -> None:
        raise FileNotFoundException("it is gone")

    async def _ids_of(self, *_: object) -> list[str]:
        await self.request("list")
        return ["other"]

    async def delete_object(self, *_: object) -> None:
        await self.request("delete")


class Time:
    """Time that passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    async def passes(self, seconds: float) -> None:
        """Let everybody get to where it waits, and then so much time pass."""
        for ahead in (0, seconds):
            self._ahead += ahead
            for _ in range(8):
                await asyncio.sleep(0)


@pytest.fixture
async def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def _noting(service: Service) -> Any:
    """Clean-up that notes what is to be done later."""
    return SimpleNamespace(
        run=service.run, later=lambda seconds, *_: service.later.append(seconds), start=lambda *_: None
    )


@pytest.mark.parametrize("silent", ["create", "complete"])
@pytest.mark.parametrize("answers", [True, False], ids=["answered", "silent"])
async def test_an_upload_in_parts(time: Time, silent: str, *, answers: bool) -> None:
    service = Service(silent)
    upload = MultipartUpload(service.as_objects(), _noting(service), "b", "k")

    async def storing() -> None:
        await upload.create({}, checksums=True)
        await upload.complete(0)

    task = asyncio.ensure_future(storing())
    await service.asked.wait()
    task.cancel()
    await asyncio.wait([task])
    service.done.clear()
    rolling_back = asyncio.ensure_future(upload.roll_back())
    await time.passes(4.9)
    assert service.done == [], "once its response is there, nothing more can happen"
    if answers:
        service.answer.set()
    await time.passes(0.2)
    await rolling_back
    began = silent if answers else f"{silent} given up"
    if silent == "complete":
        assert service.done == [began, "abort", "delete"]
    else:
        assert service.done == [began, *([] if answers else ["list"]), "abort"]
    assert service.later == ([] if answers else [5.0, 30.0]), "the server may still carry it out"


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "silent"])
async def test_one_request(time: Time, *, answers: bool) -> None:
    service = Service("put")
    request = service.request("put")
    task = asyncio.ensure_future(
        stored_or_nothing(service.as_objects(), _noting(service), "b", "k", request, Outcome())
    )
    await service.asked.wait()
    task.cancel()
    await time.passes(4.9)
    assert service.done == []
    if answers:
        service.answer.set()
    await time.passes(0.2)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.done == ["put" if answers else "put given up", "delete"]
    assert service.later == ([] if answers else [5.0, 30.0])


async def test_a_request_that_is_cancelled_by_itself_is_rolled_back_as_well() -> None:
    service = Service("put")
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(
        stored_or_nothing(service.as_objects(), _noting(service), "b", "k", service.request("put"), Outcome())
    )
    await service.asked.wait()
    [request] = asyncio.all_tasks() - before - {task}
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.done == ["put given up", "delete"]
    assert service.later == [5.0, 30.0]


@pytest.mark.parametrize("parts", [False, True])
async def test_an_error_that_nobody_waits_for_any_more_is_no_surprise_to_the_event_loop(*, parts: bool) -> None:
    surprises: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: surprises.append(context))
    asked, go_on, outcome = asyncio.Event(), asyncio.Event(), Outcome()

    async def failing(*_: object, **__: object) -> object:
        asked.set()
        await go_on.wait()
        outcome.uncertain = True
        raise StorageUnavailableException("it is down")

    service = Service("")
    service.multipart.create = failing
    upload = MultipartUpload(service.as_objects(), _noting(service), "b", "k")
    storing = (
        upload.create({}, checksums=False)
        if parts
        else stored_or_nothing(service.as_objects(), _noting(service), "b", "k", failing(), outcome)
    )
    task = asyncio.ensure_future(storing)
    await asked.wait()
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait([task])
    if parts:
        await upload.roll_back()
    del task, upload, storing
    gc.collect(1)
    assert not surprises
