"""All requests, by what they are about."""

from collections.abc import Mapping
from typing import Final

from tests.integration.old_links.conditions import CONDITIONS
from tests.integration.old_links.file_names import FILE_NAMES
from tests.integration.old_links.methods import KINDS, METHODS
from tests.integration.old_links.paths import PATHS
from tests.integration.old_links.ranges import RANGES
from tests.integration.old_links.row import Row
from tests.integration.old_links.tokens import TOKENS

TABLE: Final[Mapping[str, tuple[Row, ...]]] = {
    "methods": METHODS,
    "kinds of files": KINDS,
    "paths": PATHS,
    "ranges": RANGES,
    "conditions": CONDITIONS,
    "tokens": TOKENS,
    "file names": FILE_NAMES,
}
