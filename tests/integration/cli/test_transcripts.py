"""What people do with the documentation alone, from an empty folder: typed as they type it."""

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.s3.server import DEFAULT_BUCKET, S3Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
FILES = 5000


class Person:
    """Types commands in a folder of their own, in which there is nothing yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        commands = str(Path(sys.executable).parent)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")}
        self.environment = clean | {"PATH": os.pathsep.join([commands, clean.get("PATH", "")]), "TERM": "xterm"}

    def types(self, command: str) -> tuple[int, str]:
        """Exit code, and what the terminal shows."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout

    def types_at_a_terminal(self, *command: str) -> tuple[int, str]:
        """The same with everything on one terminal; gives the codes that draw, too."""
        process, ours = pty.fork()
        if process == 0:  # pragma: no cover - becomes the command
            os.chdir(self.folder)
            os.execvpe(command[0], command, self.environment)
        shown = b""
        try:
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
        except OSError:
            pass  # how Linux says that the other side has closed a terminal
        os.close(ours)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode()

    def sets(self, **settings: str) -> None:
        """Take the # in front of a line of the example away, and write a value behind it."""
        env = self.folder / ".env"
        text = env.read_text(encoding="utf-8")
        for name, value in settings.items():
            text, count = re.subn(rf"^#?S3PY_{name}=.*$", f"S3PY_{name}={value}", text, flags=re.MULTILINE)
            assert count == 1, name
        env.write_text(text, encoding="utf-8")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path / "empty")


def test_an_operator_gets_from_a_wrong_configuration_to_a_stored_file(person: Person, seaweedfs: S3Server) -> None:
    assert person.types(f"cp {ROOT / '.env.example'} .env && echo hello > 'my file.txt'")[0] == 0
    person.sets(MODE="s3")
    code, told = person.types("s3py doctor")
    assert code == 2
    assert "S3PY_S3__ENDPOINT" in told

    person.sets(S3__ENDPOINT="http://127.0.0.1:1", S3__ACCESS_KEY_ID="ak", S3__SECRET_ACCESS_KEY="wrong")
    person.sets(S3__PERF__MAX_RETRIES="0")
    code, told = person.types("s3py doctor")
    assert (code, "-> check S3PY_S3__ENDPOINT, and whether the server runs" in told) == (5, True), told
    code, told = person.types("s3py upload 'my file.txt'")
    assert (code, len(told.splitlines()), "check S3PY_S3__ENDPOINT" in told) == (5, 1, True), told

    person.sets(S3__ENDPOINT=seaweedfs.endpoint)
    code, told = person.types("s3py doctor")
    assert (code, "-> check S3PY_S3__ACCESS_KEY_ID and S3PY_S3__SECRET_ACCESS_KEY" in told) == (1, True), told

    person.sets(S3__ACCESS_KEY_ID=seaweedfs.access_key, S3__SECRET_ACCESS_KEY=seaweedfs.secret_key)
    person.sets(S3__DEFAULT_BUCKET="not-there-yet")
    code, told = person.types("s3py doctor")
    assert (code, "-> create the bucket, or set S3PY_S3__CREATE_BUCKET_IF_MISSING=true" in told) == (1, True), told
    code, told = person.types("s3py upload 'my file.txt'")
    assert (code, "not-there-yet" in told, "S3PY_S3__CREATE_BUCKET_IF_MISSING" in told) == (1, True, True), told

    person.sets(S3__DEFAULT_BUCKET=DEFAULT_BUCKET)
    code, told = person.types("s3py doctor")
    assert (code, "fails" in told) == (0, False), told
    code, told = person.types("s3py config | grep -v default")
    assert seaweedfs.secret_key not in told
    assert re.search(r"^S3PY_S3__ENDPOINT +\.env +http", told, re.MULTILINE)

    code, file_id = person.types("s3py upload 'my file.txt'")
    assert (code, file_id.startswith(f"s3:{DEFAULT_BUCKET}/")) == (0, True)
    # Pasted as it was printed, without quotes.
    assert person.types(f"s3py download {file_id.strip()} -o new/") == (0, "new/my file.txt\n")
    assert person.types("cat 'new/my file.txt'") == (0, "hello\n")
    assert person.types(f"s3py delete {file_id.strip()}")[0] == 0


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"S3__SECRET_ACCESS_KEY": "wrong"}, "check S3PY_S3__ACCESS_KEY_ID"),
        ({"S3__DEFAULT_BUCKET": "not-there-yet"}, "create the bucket"),
        ({"S3__ENDPOINT": "http://127.0.0.1:1"}, "check S3PY_S3__ENDPOINT"),
    ],
)
def test_an_operator_who_starts_the_service_is_told_at_once(
    person: Person, seaweedfs: S3Server, wrong: dict[str, str], hint: str
) -> None:
    person.types(f"cp {ROOT / '.env.example'} .env")
    right = {
        "MODE": "s3",
        "PORT": "0",
        "S3__ENDPOINT": seaweedfs.endpoint,
        "S3__ACCESS_KEY_ID": seaweedfs.access_key,
        "S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
        "S3__DEFAULT_BUCKET": DEFAULT_BUCKET,
        "S3__PERF__MAX_RETRIES": "0",
    }
    person.sets(**right | wrong)
    with subprocess.Popen(
        ["s3py", "serve"], cwd=person.folder, env=person.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as serving:
        try:
            assert serving.stdout is not None
            told = b""
            while b"Listening on" not in told:
                line = serving.stdout.readline()
                assert line, told
                told += line
            assert hint.encode() in told
        finally:
            serving.terminate()


@pytest.fixture
def many(person: Person) -> Person:
    for number in range(FILES):
        path = person.folder / "in" / f"{number % 10}" / f"file {number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number), encoding="utf-8")
    person.environment["S3PY_FILESYSTEM__DURABILITY"] = "false"
    return person


def test_thousands_of_files_go_up_and_come_back_at_a_terminal_and_in_a_pipe(many: Person) -> None:
    began = time.monotonic()
    code, shown = many.types_at_a_terminal("s3py", "upload", "-r", "in")
    took = time.monotonic() - began
    assert code == 0
    ids = re.findall(r"fs:files/in/\d/[0-9a-f]{16}_file~20\d+\.txt", shown)
    assert len(ids) == len(set(ids)) == FILES
    assert f" of {FILES} files" in shown
    # What draws is no more than some pictures of a few lines a second, however many files there are.
    drawn = len(shown) - sum(len(file_id) + 2 for file_id in ids)
    assert drawn < 2000 * (10 * took + 10)

    assert many.types("s3py upload -r in --skip-same --json 2> told | grep -c skipped") == (0, f"{FILES}\n")
    assert many.types("cat told") == (0, f"s3py: {FILES} of {FILES} files were there already\n")

    code, shown = many.types_at_a_terminal("s3py", "download", "-r", "in", "-o", "out")
    assert (code, f" of {FILES} files" in shown) == (0, True)
    assert many.types("diff -r in out/in") == (0, "")

    assert many.types("s3py ls in/ | s3py download - -o flat/ | wc -l") == (0, f"{FILES}\n")
    assert len(list((many.folder / "flat").iterdir())) == FILES
    assert many.types("s3py ls in/ | s3py delete - | wc -l") == (0, f"{FILES}\n")
    assert many.types("s3py ls | wc -l") == (0, "0\n")


@pytest.fixture
def application(person: Person) -> Iterator[str]:
    """The application of docs/fastapi.md, which has a login of its own."""
    document = (ROOT / "docs" / "fastapi.md").read_text(encoding="utf-8")
    (person.folder / "app.py").write_text(
        re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)[0], "utf-8"
    )
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", "0", "--no-access-log"]
    with subprocess.Popen(
        command, cwd=person.folder, env=person.environment, stderr=subprocess.PIPE, text=True
    ) as serving:
        try:
            assert serving.stderr is not None
            yield next(found[0] for line in serving.stderr if (found := re.search(r"http://127[\d.:]+", line)))
        finally:
            serving.terminate()


@pytest.fixture
def send(application: str) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(base_url=f"{application}/documents", timeout=30) as client:
        yield client.request


def test_an_application_with_its_own_login_stores_and_serves_files(send: Callable[..., httpx.Response]) -> None:
    file = {"file": ("für dich.txt", b"0123456789")}
    for badge in ({}, {"X-Badge": "stolen"}):
        assert send("POST", "/upload", files=file, headers=badge).status_code in {403, 422}
    login = {"X-Badge": "valid"}
    stored = send("POST", "/upload", files=file, headers=login).json()
    path = f"/{stored['file_id']}/download"
    assert send("GET", path).status_code == 422
    part = send("GET", path, headers=login | {"Range": "bytes=2-4"})
    assert (part.status_code, part.content, stored["file_name"]) == (206, b"234", "für dich.txt")
    assert send("DELETE", f"/{stored['file_id']}", headers=login).status_code == 200
    assert send("GET", path, headers=login).status_code == 404
