"""The proxies as `deploy/` configures them, before a service: a path of the site, and bodies that pass as they come."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from s3py_helper.application.ports.examined import Verdict
from s3py_helper.entrypoints.cli.front import examine_front
from tests.integration.service.process import Process, serving
from tests.support.s3.ready import free_ports

pytestmark = pytest.mark.timeout(120)

DEPLOY = Path("deploy")
HALF = 8 * 1024 * 1024


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "service"
    folder.mkdir()
    with serving(folder) as process:
        yield process


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, service: Process, tmp_path: Path) -> Iterator[str]:
    """The address of the proxy."""
    program: str = request.getfixturevalue(request.param)
    folder = tmp_path / "proxy"
    folder.mkdir()
    (port,) = free_ports(1)
    start = {"nginx": _nginx, "caddy": _caddy}[request.param]
    with _running(start(program, folder, port, service), folder, port):
        yield f"http://127.0.0.1:{port}"


def _nginx(program: str, folder: Path, port: int, service: Process) -> list[str]:
    text = _replaced(
        (DEPLOY / "nginx.conf").read_text(encoding="utf-8"),
        {
            "listen 80;": f"listen 127.0.0.1:{port};",
            "server 127.0.0.1:8000;": f"server {service.url.removeprefix('http://')};",
            "http {": "http { access_log off; "
            + " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy"))
            + "".join(f" {name}_temp_path {folder}/other;" for name in ("fastcgi", "uwsgi", "scgi")),
            "worker_processes auto;": f"worker_processes 1; daemon off; pid {folder}/pid;",
        },
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]


def _caddy(program: str, folder: Path, port: int, service: Process) -> list[str]:
    text = _replaced(
        (DEPLOY / "Caddyfile").read_text(encoding="utf-8"),
        {
            "http://:80 {": f"http://127.0.0.1:{port} {{",
            "127.0.0.1:8000": service.url.removeprefix("http://"),
        },
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text, encoding="utf-8")
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _replaced(text: str, values: dict[str, str]) -> str:
    for old, new in values.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    with (
        (folder / "output").open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env={"HOME": str(folder), "PATH": "/usr/bin"}) as proxy,
    ):
        try:
            _wait_until(lambda: _connects(port) or proxy.poll() is not None)
            assert proxy.poll() is None, (folder / "output").read_text()
            yield
        finally:
            proxy.terminate()
            proxy.wait(10)


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def test_files_go_and_come_below_a_path_of_the_site(site: str) -> None:
    content = bytes(range(256)) * 4096
    with httpx.Client(base_url=f"{site}/storage") as client:
        attach = client.post("/files/upload", files={"file": ("a b.bin", content)}).json()
        assert client.get(f"/files/{attach['file_id']}/download").content == content
        part = client.get(f"/files/{attach['file_id']}/download", headers={"Range": "bytes=256-511"})
        assert (part.status_code, part.content) == (206, bytes(range(256)))
        assert client.delete(f"/files/{attach['file_id']}").status_code == 200


def test_the_page_works_below_a_path_of_the_site(site: str) -> None:
    page = httpx.get(f"{site}/storage/")
    loaded = re.findall(r'(?:href|src)="(page/[^"]+)"', page.text)
    assert loaded
    assert all(httpx.get(f"{site}/storage/{name}").status_code == 200 for name in loaded)


def test_the_doctor_finds_nothing_that_is_kept_back(site: str) -> None:
    found = examine_front(f"{site}/storage")
    assert [(each.verdict, each.says) for each in found] == [(Verdict.WORKS, "")] * 3


def test_the_doctor_finds_an_nginx_that_keeps_what_it_has(nginx: str, service: Process, tmp_path: Path) -> None:
    folder = tmp_path / "proxy"
    folder.mkdir()
    (port,) = free_ports(1)
    command = _nginx(nginx, folder, port, service)
    config = folder / "nginx.conf"
    buffered = re.sub(r"proxy_(request_)?buffering off;", "", config.read_text(encoding="utf-8"))
    # What it keeps goes to files, and another user than root may not enter the folders of tests.
    config.write_text(f"{'user root;' if os.geteuid() == 0 else ''}\n{buffered}", encoding="utf-8")
    with _running(command, folder, port):
        found = examine_front(f"http://127.0.0.1:{port}/storage")
    assert [each.verdict for each in found] == [Verdict.WORKS, Verdict.WARNING, Verdict.WARNING]
    assert all("proxy_buffering off" in each.mend for each in found[1:])


def test_an_upload_reaches_storage_while_it_is_still_sent(site: str, service: Process, tmp_path: Path) -> None:
    boundary = b"b" * 20
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' % boundary
    tail = b"\r\n--%s--\r\n" % boundary
    host, _, port = site.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(
            b"POST /storage/files/upload HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\nContent-Length: %d\r\n"
            b"Content-Type: multipart/form-data; boundary=%s\r\n\r\n"
            % (host.encode(), port.encode(), len(head) + 2 * HALF + len(tail), boundary)
        )
        client.sendall(head + bytes(HALF))
        # The half that has been sent lies on the disk of the service, and not on the proxy's.
        _wait_until(lambda: any(path.stat().st_size > HALF // 2 for path in service.files))
        assert not [path for path in (tmp_path / "proxy").glob("*_body/**/*") if path.is_file()]
        client.sendall(bytes(HALF) + tail)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_client_that_takes_nothing_is_not_taken_for_one_that_has_it_all(
    site: str, service: Process, tmp_path: Path
) -> None:
    large = 64 * 1024 * 1024
    with httpx.Client(base_url=f"{site}/storage", timeout=60) as client:
        attach = client.post("/files/upload", files={"file": ("a.bin", bytes(large))}).json()
        with client.stream("GET", f"/files/{attach['file_id']}/download") as response:
            next(response.iter_raw(1000))
            assert not [path for path in (tmp_path / "proxy").glob("proxy/**/*") if path.is_file()]
            assert client.get("/health").status_code == 200
