"""`s3py token`."""

import re

import pytest
from typer.testing import CliRunner

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.cli.app import app
from s3py_helper.entrypoints.settings import load_settings
from s3py_helper.entrypoints.token_config import digest_of


def test_what_it_writes_to_standard_output_is_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(app, ["token", "night_job", "-s", "write", "--scope", "read", "--folder", "/in"])
    assert result.exit_code == 0
    for line in result.stdout.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    [token] = load_settings().tokens.values()
    assert (token.scopes, token.folder) == (frozenset({Action.READ, Action.WRITE}), "in/")
    [shown] = re.findall(r": ([\w-]{43})$", result.stderr)
    assert token.sha256 == digest_of(shown)
    assert shown not in result.stdout


@pytest.mark.parametrize("arguments", ["a__b -s read", "_ -s read", "a", "a -s rite", "a -s read --folder .."])
def test_wrong_use_is_told(arguments: str) -> None:
    result = CliRunner().invoke(app, ["token", *arguments.split()])
    assert result.exit_code == 2
    assert not result.stdout
