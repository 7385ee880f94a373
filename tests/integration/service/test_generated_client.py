"""A client that a program makes of the description of the interface does a round trip."""

import importlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CONTENT = bytes(range(256)) * 100

# What the generator takes for bytes is application/octet-stream alone, unless it is told more.
CONFIG = {"content_type_overrides": {"application/zip": "application/octet-stream"}}


def _generated(folder: Path, document: dict[str, Any]) -> None:
    """Write the package `generated_client` into the folder."""
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "config.yml").write_text(json.dumps(CONFIG), encoding="utf-8")
    scripts = Path(sys.executable).parent
    made = subprocess.run(
        [
            *(scripts / "openapi-python-client", "generate", "--path", "openapi.json", "--config", "config.yml"),
            *("--output-path", "generated_client", "--meta", "none"),
        ],
        cwd=folder,
        env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "WARNING" not in made.stdout, "what it cannot describe is missing in the client"


async def test_a_generated_client_does_a_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        _env_file=None,
        filesystem=FilesystemConfig(root=tmp_path / "data"),
        api_token=SecretStr("t"),
        link_keys={"k": SecretStr("k" * 32)},
    )
    app = create_app(settings)
    _generated(tmp_path, app.openapi())
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("generated_client")
    models, types = (importlib.import_module(f"generated_client.{name}") for name in ("models", "types"))

    async with served(app) as url, package.AuthenticatedClient(base_url=url, token="t") as client:

        async def call(operation: str, *arguments: object, group: str = "files", **options: object) -> Any:
            module = importlib.import_module(f"generated_client.api.{group}.{operation}")
            return await module.asyncio(*arguments, client=client, **options)

        file = types.File(payload=io.BytesIO(CONTENT), file_name="ü b.bin", mime_type="application/x-own")
        stored = await call("upload_file", body=models.UploadFileBody(file=file), folder="in")
        assert (stored.file_name, stored.file_size, stored.content_type) == (
            "ü b.bin",
            len(CONTENT),
            "application/x-own",
        )
        file_id = stored.file_id

        described = await call("get_file_info", file_id)
        assert (described.file_id, described.file_size) == (file_id, len(CONTENT))
        assert described.last_modify_time is not None
        assert (await call("download_file", file_id)).payload.read() == CONTENT

        copy = await call("copy_file", file_id, folder="out", file_name="c.bin")
        listed = await call("list_files", prefix="in/")
        assert [each.file_id for each in listed.files] == [file_id]
        assert listed.cursor is None

        wanted = [
            models.DownloadZipFileDownload(file_id=each, file_name=name)
            for each, name in ((file_id, "a"), (copy.file_id, "b"))
        ]
        archive = await call("download_zip", body=wanted)
        with zipfile.ZipFile(archive.payload) as opened:
            assert {name: opened.read(name) for name in opened.namelist()} == {"a": CONTENT, "b": CONTENT}

        link = await call("create_link", file_id, expires_in=60)
        assert link.method == "GET"
        assert "/signed/" in link.url

        assert (await call("readyz", group="health")).status == "ok"
        assert (await call("delete_file", file_id)).to_dict() == {"detail": "deleted"}
        problem = await call("get_file_info", file_id)
        assert isinstance(problem, models.Problem)
        assert (problem.status, problem.type_) == (404, "urn:problem-type:s3py-helper:file-not-found")
        wrong = await call("list_files", limit=0)
        assert (wrong.status, wrong.errors[0].loc) == (422, ["query", "limit"])
