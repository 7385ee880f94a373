"""What the options of the command line are called."""

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from s3py_helper.entrypoints.cli.app import app


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    for inner, each in getattr(command, "commands", {}).items():
        yield from _commands(each, f"{name} {inner}")
    yield name, command


def test_no_option_is_called_as_its_value() -> None:
    # Where an option has no name of its own, typer may take that of its metavar: --URL.
    named = [
        (command, name)
        for command, each in _commands(typer.main.get_command(app), "s3py")
        for parameter in each.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    ]
    assert ("s3py migrate plan", "--from-sql") in named
    assert not [each for each in named if not re.fullmatch(r"--[a-z]+(-[a-z]+)*|-[a-z]", each[1])]


def test_an_argument_that_may_come_several_times_says_so() -> None:
    shown = {
        (command, parameter.name): (parameter.nargs == -1, str(parameter.metavar or parameter.name).endswith("..."))
        for command, each in _commands(typer.main.get_command(app), "s3py")
        for parameter in each.params
        if parameter.param_type_name == "argument"
    }
    assert shown["s3py upload", "sources"] == (True, True)
    assert not [argument for argument, (is_many, says_so) in shown.items() if is_many != says_so]
