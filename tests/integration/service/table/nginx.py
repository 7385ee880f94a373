"""nginx with the files of the table."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.service.table.rows import FILES
from tests.support.s3.ready import free_ports, wait_for_http

_CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
    access_log off; default_type application/octet-stream; types {{ }}
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port}; location / {{ root {folder}/files; }} }}
}}
"""


def nginx_program() -> str | None:
    """Its path, where it is installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def nginx(program: str, folder: Path) -> Iterator[str]:
    """Its address."""
    (port,) = free_ports(1)
    (folder / "files").mkdir()
    for name, content in FILES.items():
        (folder / "files" / name).write_bytes(content)
    (folder / "config").write_text(_CONFIG.format(folder=folder, port=port))
    with subprocess.Popen([program, "-c", str(folder / "config")], stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for_http(f"{url}/ten", seconds=20, still_alive=lambda: process.poll() is None)
            yield url
        finally:
            process.terminate()
            process.wait(20)
