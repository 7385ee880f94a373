"""One large file, up or down."""

from benchmarks.child.attempt import attempted
from benchmarks.child.content import CheckedSink, Pattern, Source
from benchmarks.child.drivers import Parameters, open_store, run_in_loop
from benchmarks.child.sample import Sample
from benchmarks.child.store import Store, Target


async def _up(store: Store, parameters: Parameters, samples: list[Sample]) -> None:
    pattern = Pattern()
    size: int = parameters["size"]
    source = Source(pattern, size, tell_size=parameters.get("tell_size", True))
    await store.prepare(source)
    file_id = ""
    async with attempted("up", samples) as attempt:
        file_id = await store.upload("large.bin", source)
        attempt.size = size
    if file_id and parameters.get("read_back"):
        await _check(store, file_id, size)
        await store.delete(file_id)


async def _check(store: Store, file_id: str, size: int) -> None:
    """For servers that the runner cannot look into itself."""
    sink = CheckedSink(Pattern())
    await store.download(file_id, sink)
    sink.require(size)


async def _down(store: Store, parameters: Parameters, samples: list[Sample]) -> None:
    size: int = parameters["size"]
    sink = CheckedSink(Pattern())
    async with attempted("down", samples) as attempt:
        await store.download(store.id_of(parameters["name"]), sink)
        sink.require(size)
        attempt.size = size


async def _measure(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    samples: list[Sample] = []
    async with open_store(driver, target) as store:
        await (_up if parameters["direction"] == "up" else _down)(store, parameters, samples)
    return samples


def run(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    return run_in_loop(driver, lambda: _measure(driver, target, parameters))
