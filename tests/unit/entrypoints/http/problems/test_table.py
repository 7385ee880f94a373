"""Every error has its problem."""

import json
from collections.abc import Iterator

import pytest

from s3py_helper.domain import errors
from s3py_helper.domain.migration import GateRefusedException
from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException, ServiceBusyException
from s3py_helper.entrypoints.http.problems.response import storage_problem
from s3py_helper.entrypoints.http.problems.table import PROBLEMS, problem_of
from s3py_helper.entrypoints.http.uploads.body_digests import DigestMismatchException
from s3py_helper.entrypoints.http.uploads.form_errors import FormException


def _tree(root: type[errors.StorageException]) -> Iterator[type[errors.StorageException]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def test_every_error_of_the_tree_is_in_the_table() -> None:
    ours = {kind for kind in _tree(errors.StorageException) if kind.__module__.startswith("s3py_helper.domain")}
    assert len(ours) > 10
    assert ours | {DigestMismatchException, FormException, RequestTimedOutException, ServiceBusyException} == set(
        PROBLEMS
    )


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.StorageException, 500),
        (errors.InvalidArgumentException, 400),
        (errors.InvalidFileTypeException, 400),
        (errors.FileTypeMismatchException, 415),
        (errors.FileTooLargeException, 413),
        (errors.InvalidRangeException, 416),
        (errors.FileNotFoundException, 404),
        (GateRefusedException, 409),
        (errors.RouteNotSupportedException, 403),
        (errors.DeleteNotSupportedException, 403),
        (errors.PreconditionFailedException, 412),
        (errors.StorageOperationException, 500),
        (errors.AccessDeniedException, 500),
        (errors.BucketNotFoundException, 500),
        (errors.IntegrityException, 500),
        (errors.StorageUnavailableException, 503),
    ],
)
def test_the_status_is_the_published_one(kind: type[errors.StorageException], status: int) -> None:
    assert PROBLEMS[kind].status == status


def test_types_are_stable_names() -> None:
    assert PROBLEMS[errors.FileNotFoundException].uri == "urn:problem-type:s3py-helper:file-not-found"
    assert all(problem.name.islower() and " " not in problem.name for problem in PROBLEMS.values())


def test_an_error_made_elsewhere_is_of_the_kind_of_its_nearest_base() -> None:
    class QuotaException(errors.AccessDeniedException):
        pass

    assert problem_of(QuotaException("full")) is PROBLEMS[errors.AccessDeniedException]


def test_a_problem_tells_message_and_facts() -> None:
    error = errors.FileNotFoundException("no such file: s3:b/k", operation="info", file_id="s3:b/k", backend="s3")
    answer = storage_problem(error)
    assert answer.status_code == 404
    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:problem-type:s3py-helper:file-not-found",
        "title": "File not found",
        "status": 404,
        "detail": "no such file: s3:b/k",
        "file_id": "s3:b/k",
        "operation": "info",
        "retryable": False,
    }


@pytest.mark.parametrize(("asked", "answered"), [(None, "5"), (0.2, "1"), (30.0, "30"), (-1.0, "0")])
def test_an_unavailable_backend_says_when_to_come_back(asked: float | None, answered: str) -> None:
    error = errors.StorageUnavailableException("busy", retry_after=asked)
    assert storage_problem(error).headers["retry-after"] == answered


@pytest.mark.parametrize(("size", "header"), [(7, "bytes */7"), (0, "bytes */0"), (None, None)])
def test_an_unsatisfiable_range_tells_the_size(size: int | None, header: str | None) -> None:
    assert storage_problem(errors.InvalidRangeException("no", size=size)).headers.get("content-range") == header
