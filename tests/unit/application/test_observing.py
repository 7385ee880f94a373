"""Observers are told what happens, and cannot break it."""

import logging

import pytest

from s3py_helper.application.observing import LOGGER_NAME, GuardedObserver, LoggingObserver, SeveralObservers, guarded
from s3py_helper.application.ports.observer import (
    ConnectionReplaced,
    DownloadResumed,
    Event,
    FailedOver,
    FallbackTaken,
    OperationBegan,
    OperationEnded,
    PoolWaited,
    RequestRetried,
    RollbackFailed,
)
from s3py_helper.domain.errors import StorageUnavailableException
from tests.support.recorder import Recorder


def test_an_event_is_one_line_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER_NAME):
        LoggingObserver().notify(RequestRetried("s3", "upload", 2, 0.25, "no answer\nin time", "s3:b/k"))
    [record] = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.getMessage() == (
        "RequestRetried backend='s3' operation='upload' attempt=2 pause=0.250 reason='no answer\\nin time' "
        "file_id='s3:b/k'"
    )


def test_what_an_operator_has_to_remove_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, LOGGER_NAME):
        LoggingObserver().notify(RollbackFailed("fastdfs", "group1/M00/00/00/a", "no connection"))
        LoggingObserver().notify(OperationEnded("s3", "info", "s3:b/k", 0.1))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (FallbackTaken("s3", "checksums", "it refuses checksums"), logging.WARNING),
        (RollbackFailed("s3", "the object s3:b/k", "down"), logging.WARNING),
        (FailedOver("fastdfs", "127.0.0.1:23000", None, "no answer"), logging.INFO),
        (DownloadResumed("s3", "s3:b/k", 5, "cut off"), logging.INFO),
        (RequestRetried("s3", "upload", 2, 0.25, "no answer"), logging.DEBUG),
        (ConnectionReplaced("s3", "127.0.0.1:9000", "cut off"), logging.DEBUG),
        (PoolWaited("s3", "127.0.0.1:9000", 0.5), logging.DEBUG),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_event_has_its_level(event: Event, level: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER_NAME):
        LoggingObserver().notify(event)
    assert [record.levelno for record in caplog.records] == [level]


def test_an_error_is_shown_by_its_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, LOGGER_NAME):
        LoggingObserver().notify(OperationEnded("s3", "info", None, 0.1, error=StorageUnavailableException("down")))
    assert caplog.messages == ["OperationEnded backend='s3' operation='info' seconds=0.100 error='down'"]


def test_operations_are_told_to_those_who_want_them_and_the_rest_to_all() -> None:
    class Choosy(Recorder):
        def __init__(self, *, wants: bool) -> None:
            super().__init__()
            self.wants_operations = lambda: wants

    willing, unwilling, silent = Choosy(wants=True), Choosy(wants=False), Recorder()
    began, retried = OperationBegan("s3", "info"), RequestRetried("s3", "upload", 2, 0.25, "no answer")
    ended = OperationEnded("s3", "info", None, 0.1)
    for several in (SeveralObservers([willing, unwilling, silent]), SeveralObservers([unwilling])):
        for event in (began, retried, ended):
            several.notify(event)
    assert willing.events == silent.events == [began, retried, ended]
    assert unwilling.events == [retried] * 2
    assert SeveralObservers([unwilling, willing]).wants_operations()
    assert not SeveralObservers([unwilling]).wants_operations()
    assert SeveralObservers([silent]).wants_operations()


@pytest.mark.parametrize(("level", "wanted"), [(logging.DEBUG, True), (logging.INFO, False)])
def test_what_would_not_be_logged_is_not_wanted(level: int, wanted: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(level, LOGGER_NAME):
        assert LoggingObserver.wants_operations() is wanted


def test_an_observer_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def notify(self, event: Event) -> None:
            raise ZeroDivisionError

    GuardedObserver(Broken()).notify(OperationEnded("s3", "info", None, 0.1))
    assert "the observer Broken failed" in caplog.text


def test_one_of_several_that_fails_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def notify(self, event: Event) -> None:
            raise ZeroDivisionError

    recorder, event = Recorder(), RollbackFailed("s3", "it", "down")
    SeveralObservers([Broken(), recorder]).notify(event)
    assert recorder.events == [event]
    assert "the observer Broken failed" in caplog.text


def test_several_observers_are_guarded_already() -> None:
    several = SeveralObservers([Recorder()])
    assert guarded(several) is several
