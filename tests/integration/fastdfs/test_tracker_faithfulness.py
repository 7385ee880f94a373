"""What a tracker answers to bare requests: the same for a real FastDFS and for the protocol-level server."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.fastdfs.protocol import GROUP_FIELD, LONG_ADDRESS, SHORT_ADDRESS, Command, Status, text_field
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import GROUP, Sample, accepted, address_in

UNKNOWN_GROUP = text_field("nope", GROUP_FIELD)
ONE = {GROUP_FIELD + size + 8 for size in (SHORT_ADDRESS, LONG_ADDRESS)}
ONE_OR_TWO = ONE | {GROUP_FIELD + 2 * (size + 8) for size in (SHORT_ADDRESS, LONG_ADDRESS)}


@dataclass(frozen=True, slots=True)
class Question:
    what: str
    command: int
    body: Callable[[Sample], bytes] | bytes = b""
    status: int = Status.OK
    lengths: frozenset[int] = frozenset({0})


def with_path(lengths: set[int]) -> frozenset[int]:
    return frozenset(length + 1 for length in lengths)


QUESTIONS = [
    Question("anywhere", Command.STORE_ANYWHERE, lengths=with_path(ONE)),
    Question("anywhere, with a body", Command.STORE_ANYWHERE, b"x", Status.INVALID),
    Question("in a group", Command.STORE_IN_GROUP, GROUP, lengths=with_path(ONE)),
    Question("in an unknown group", Command.STORE_IN_GROUP, UNKNOWN_GROUP, Status.MISSING),
    Question("in a group of wrong length", Command.STORE_IN_GROUP, b"group1", Status.INVALID),
    Question("in no group", Command.STORE_IN_GROUP, b"", Status.INVALID),
    Question("anywhere, all", Command.STORE_ANYWHERE_ALL, lengths=with_path(ONE_OR_TWO)),
    Question("anywhere, all, with a body", Command.STORE_ANYWHERE_ALL, b"x", Status.INVALID),
    Question("in a group, all", Command.STORE_IN_GROUP_ALL, GROUP, lengths=with_path(ONE_OR_TWO)),
    Question("in an unknown group, all", Command.STORE_IN_GROUP_ALL, UNKNOWN_GROUP, Status.MISSING),
    Question("active test", Command.ACTIVE_TEST),
    Question("active test with a body", Command.ACTIVE_TEST, b"abc", Status.INVALID),
    Question("a command of storages", Command.UPLOAD, b"x" * 30, Status.INVALID),
    Question("an unknown command", 200, b"abc", Status.INVALID),
    *(
        question
        for command, lengths in (
            (Command.FETCH_ONE, frozenset(ONE)),
            (Command.UPDATE, frozenset(ONE)),
            (Command.FETCH_ALL, frozenset(ONE_OR_TWO)),
        )
        for question in (
            Question("a file", command, lambda sample: GROUP + sample.normal, lengths=lengths),
            Question("an appender", command, lambda sample: GROUP + sample.appender, lengths=lengths),
            Question("a missing file", command, lambda sample: GROUP + sample.missing, lengths=lengths),
            Question("a name that nobody gave", command, GROUP + b"M00/00/00/" + b"!" * 34, lengths=lengths),
            Question("the shortest name", command, GROUP + b"x" * 22, lengths=lengths),
            Question("the longest name", command, GROUP + b"x" * 127, lengths=lengths),
            Question("too short a name", command, GROUP + b"x" * 21, Status.INVALID),
            Question("too long a name", command, GROUP + b"x" * 128, Status.INVALID),
            Question("no name", command, GROUP, Status.INVALID),
            Question("nothing", command, b"", Status.INVALID),
            Question("an unknown group", command, lambda sample: UNKNOWN_GROUP + sample.normal, Status.MISSING),
        )
    ),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: f"{question.command} {question.what}")
async def test_a_tracker_answers_as_the_table_says(question: Question, tracker: str, sample: Sample) -> None:
    body = question.body if isinstance(question.body, bytes) else question.body(sample)
    async with raw_connection(tracker) as connection:
        reply = await connection.ask(question.command, body)

        assert reply is not None
        assert (reply.command, reply.status) == (Command.REPLY, question.status)
        assert len(reply.body) in question.lengths
        accepted(await connection.ask(Command.ACTIVE_TEST))


@pytest.mark.parametrize("command", [Command.FETCH_ONE, Command.UPDATE])
@pytest.mark.parametrize("name", ["normal", "appender"])
async def test_the_storage_named_for_a_fresh_file_has_it(
    command: Command, name: str, tracker: str, sample: Sample
) -> None:
    file_name = getattr(sample, name)
    async with raw_connection(tracker) as connection:
        storage = address_in(accepted(await connection.ask(command, GROUP + file_name)).body)
    async with raw_connection(storage) as connection:
        accepted(await connection.ask(Command.QUERY_INFO, GROUP + file_name))


@pytest.mark.parametrize("name", ["normal", "appender"])
async def test_updates_go_to_the_storage_that_made_the_file(name: str, tracker: str, sample: Sample) -> None:
    async with raw_connection(tracker) as connection:
        reply = accepted(await connection.ask(Command.UPDATE, GROUP + getattr(sample, name)))
    assert address_in(reply.body) == sample.storage


async def test_quit_is_not_answered(tracker: str) -> None:
    async with raw_connection(tracker) as connection:
        assert await connection.ask(Command.QUIT) is None


@pytest.mark.parametrize("length", [-1, 300_000])
async def test_an_impossible_length_ends_the_connection(length: int, tracker: str) -> None:
    async with raw_connection(tracker) as connection:
        assert await connection.ask(Command.FETCH_ONE, length=length) is None
