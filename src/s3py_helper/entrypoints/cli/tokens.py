"""`s3py token`."""

import sys
from collections.abc import Collection

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.cli.exits import HANDLED, ExitCode, reported
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.setting_names import DELIMITER, PREFIX
from s3py_helper.entrypoints.token_config import TokenConfig, digest_of, new_token


def make_token(name: str, scopes: Collection[Action], folder: str | None) -> ExitCode:
    """Write the settings of a new token to standard output, for `.env`, and the token itself to standard error."""
    token = new_token()
    try:
        config = TokenConfig(sha256=digest_of(token), scopes=frozenset(scopes), folder=folder)
    except HANDLED as error:
        return reported(error)
    variable = f"{PREFIX}TOKENS{DELIMITER}{name.upper()}{DELIMITER}"
    write_line(f"{variable}SHA256={config.sha256}")
    write_line(f"{variable}SCOPES={', '.join(sorted(config.scopes))}")
    if config.folder is not None:
        write_line(f"{variable}FOLDER={config.folder}")
    sys.stderr.write(f"The token, which is kept nowhere: {token}\n")
    return ExitCode.OK
