"""The unit for systemd and the compose file, read by those who will."""

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(60)

SECRETS = {"S3PY_API_TOKEN": "a token", "S3_SECRET": "a secret"}


def _unit(deploy: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.read(deploy / "s3py.service", encoding="utf-8")
    return parser["Service"]


def test_the_unit_starts_the_service_as_nobody_in_particular(deploy: Path) -> None:
    service = _unit(deploy)
    assert service["ExecStart"] == "/opt/s3py/bin/s3py serve"
    assert (service["DynamicUser"], service["ProtectSystem"], service["StateDirectory"]) == ("yes", "strict", "s3py")
    # Longer than requests in progress have (S3PY_DRAIN_SECONDS).
    assert int(service["TimeoutStopSec"]) > 30


def test_systemd_has_nothing_to_say_about_the_unit(systemd_analyze: str, deploy: Path, tmp_path: Path) -> None:
    # The program need not be installed here.
    text = (deploy / "s3py.service").read_text(encoding="utf-8").replace("/opt/s3py/bin/s3py", "/bin/true")
    unit = tmp_path / "s3py.service"
    unit.write_text(text, encoding="utf-8")
    verified = subprocess.run([systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_unit_leaves_little_open(systemd_analyze: str, deploy: Path) -> None:
    command = [
        systemd_analyze,
        "security",
        "--offline=yes",
        "--threshold=25",
        "--no-pager",
        str(deploy / "s3py.service"),
    ]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in judged.stderr:
        pytest.skip("systemd is older than 250")
    assert judged.returncode == 0, judged.stdout[-2000:]


def _composed(docker_compose: list[str], deploy: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*docker_compose, "-f", str(deploy / "compose.yaml"), "config"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_compose_reads_its_file(docker_compose: list[str], deploy: Path) -> None:
    read = _composed(docker_compose, deploy, **SECRETS)
    assert read.returncode == 0, read.stderr
    s3, s3py = read.stdout.split("\n  s3py:\n")
    assert "read_only: true" in s3py
    for theirs, ours in (
        ("AWS_SECRET_ACCESS_KEY", "S3PY_S3__SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "S3PY_S3__ACCESS_KEY_ID"),
    ):
        assert _value(s3, theirs) == _value(s3py, ours)
    assert _value(s3py, "S3PY_S3__SECRET_ACCESS_KEY") == SECRETS["S3_SECRET"]
    assert Path(_value(s3py, "context")).samefile(deploy.parent)


def _value(text: str, name: str) -> str:
    (found,) = re.findall(rf"^ *{name}: (.*)$", text, re.MULTILINE)
    return str(found).strip('"')


@pytest.mark.parametrize("lacking", SECRETS)
def test_compose_refuses_to_make_secrets_up(docker_compose: list[str], deploy: Path, lacking: str) -> None:
    read = _composed(docker_compose, deploy, **{name: value for name, value in SECRETS.items() if name != lacking})
    assert read.returncode != 0
    assert "of your own" in read.stderr


def test_every_setting_of_the_files_is_one(deploy: Path) -> None:
    known = set(re.findall(r"S3PY_\w+", Path(".env.example").read_text(encoding="utf-8")))
    for name in ("Dockerfile", "compose.yaml"):
        used = set(re.findall(r"\b(S3PY_\w+)(?==|: )", (deploy / name).read_text(encoding="utf-8")))
        assert used - known - {"S3PY_IMAGE"} == set()
