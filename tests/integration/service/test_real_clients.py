"""Programs that people fetch and send files with, through a network that cuts them off."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import httpx
import pytest

from tests.integration.service.process import Process, serving
from tests.support.fastdfs.site import FastdfsSite
from tests.support.proxy import Act, Fault, FaultProxy, fault_proxy
from tests.support.s3.server import S3Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

MIB = 1024 * 1024
SIZE = 24 * MIB
AT_ONCE = 20


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Process]:
    with serving(tmp_path) as process:
        yield process


@pytest.fixture
async def proxy(service: Process) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(service.url) as proxy:
        yield proxy


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}")
    return found


def _run(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, timeout=120, check=False)


def _put(service: Process, content: bytes, name: str = "film.bin") -> str:
    """The path of a new file, sent as `curl -T -` sends what it is piped."""
    command = [_program("curl"), "-sS", "--fail", "-T", "-", f"{service.url}/files/{name}"]
    sent = subprocess.run(command, input=content, capture_output=True, timeout=120, check=True)
    return f"/files/{json.loads(sent.stdout)['file_id']}"


async def test_curl_goes_on_where_it_was_cut_off(service: Process, proxy: FaultProxy, tmp_path: Path) -> None:
    content = os.urandom(SIZE)
    path, fetched = _put(service, content), tmp_path / "fetched"
    for after in (MIB, 5 * MIB + 1, 700_000):
        proxy.plan(Fault(Act.RESET, after=after), request_starts="GET")
    tries = 0
    while _run("curl", "-sS", "--fail", "-C", "-", "-o", str(fetched), proxy.endpoint + path).returncode:
        tries += 1
        assert tries <= 3
    assert tries == 3
    assert fetched.read_bytes() == content
    assert sum(line.startswith("GET") for line in proxy.requests) == 4


async def test_wget_goes_on_where_it_was_cut_off(service: Process, proxy: FaultProxy, tmp_path: Path) -> None:
    wget, content = _program("wget"), os.urandom(SIZE)
    path, fetched = _put(service, content), tmp_path / "fetched"
    for after in (MIB, 5 * MIB + 1, 700_000):
        proxy.plan(Fault(Act.CUT, after=after), request_starts="GET")
    assert _run(wget, "-q", "-c", "-t", "9", "--waitretry=0", "-O", str(fetched), proxy.endpoint + path).returncode == 0
    assert fetched.read_bytes() == content
    assert sum(line.startswith("GET") for line in proxy.requests) == 4
    # Once more, where nothing is missing.
    assert _run(wget, "-q", "-c", "-O", str(fetched), service.url + path).returncode == 0
    assert fetched.read_bytes() == content


async def test_aria2_fetches_pieces_side_by_side(service: Process, proxy: FaultProxy, tmp_path: Path) -> None:
    aria2, content = _program("aria2c"), os.urandom(SIZE)
    path = _put(service, content)
    for after in (100_000, 900_000, 2 * MIB):
        proxy.plan(Fault(Act.RESET, after=after), request_starts="GET")
    done = _run(
        *(aria2, "-q", "--no-conf", "-x8", "-s8", "-k1M", "-m9", "--retry-wait=0", "--file-allocation=none"),
        *("-d", str(tmp_path), "-o", "fetched", proxy.endpoint + path),
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "fetched").read_bytes() == content
    assert proxy.most_connections > 1


# Root may write everywhere: the folders themselves are taken away.
NO_ROOM = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/nonexistent']"


# On S3 each upload holds a part, and S3 takes none of less than 5 MiB. The service itself has 70 MiB.
ALLOWED = {"disk": 150 * MIB, "s3": 200 * MIB, "fastdfs": 150 * MIB}


@pytest.fixture(params=ALLOWED)
def service_without_room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A service that can make no temporary file."""
    variables = {"S3PY_CLIENT_SHARE": "1"}
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("seaweedfs")
        variables |= {
            "S3PY_MODE": "s3",
            "S3PY_S3__ENDPOINT": server.endpoint,
            "S3PY_S3__ACCESS_KEY_ID": server.access_key,
            "S3PY_S3__SECRET_ACCESS_KEY": server.secret_key,
            "S3PY_S3__DEFAULT_BUCKET": "tests",
        }
    elif request.param == "fastdfs":
        site: FastdfsSite = request.getfixturevalue("fastdfs_site")
        variables |= {"S3PY_MODE": "fastdfs", "S3PY_FASTDFS__TRACKER_SERVERS": ",".join(site.trackers)}
    with serving(tmp_path, prelude=NO_ROOM, **variables) as process:
        yield process


def test_large_files_are_sent_at_once_and_none_is_kept_elsewhere(
    service_without_room: Process, request: pytest.FixtureRequest
) -> None:
    allowed = ALLOWED[request.node.callspec.params["service_without_room"]]
    service, curl = service_without_room, _program("curl")
    piece, count = os.urandom(MIB), 16
    url = f"{service.url}/files"
    raw = [curl, "-sS", "--fail", "-T", "-", f"{url}/raw.bin"]
    form = [curl, "-sS", "--fail", "-F", "file=@-;filename=form.bin", f"{url}/upload"]
    with ExitStack() as stack:
        begun = [subprocess.Popen(raw, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(AT_ONCE)]
        senders = [stack.enter_context(sender) for sender in begun]
        for _ in range(count):
            for sender in senders:
                assert sender.stdin is not None
                sender.stdin.write(piece)
        answers = [json.loads(sender.communicate(timeout=120)[0]) for sender in senders]
    sent = subprocess.run(form, input=piece * count, stdout=subprocess.PIPE, timeout=120, check=True)
    answers.append(json.loads(sent.stdout))
    assert {answer["file_size"] for answer in answers} == {count * MIB}
    expected = hashlib.sha256(piece * count).digest()
    for answer in (answers[0], answers[-1]):
        with urlopen(f"{url}/{answer['file_id']}") as fetched:
            assert hashlib.sha256(fetched.read()).digest() == expected
    assert service.peak < allowed
    assert {path.parent.name for path in service.files} <= {"files"}
    for answer in answers:
        assert httpx.delete(f"{url}/{answer['file_id']}").status_code == 200
