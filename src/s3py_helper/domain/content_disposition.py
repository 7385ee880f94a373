"""How a browser is told to name and treat a download (RFC 6266)."""

import re
from typing import Final
from urllib.parse import quote

# RFC 8187, 3.2.1: what `filename*` may hold as it is, besides letters and digits, which `quote` never touches.
_ATTRIBUTE_CHARACTERS: Final = "!#$&+-.^_`|~"


def content_disposition(file_name: str | None, *, inline: bool = False) -> str:
    """The value of `Content-Disposition`.

    A name beyond plain ASCII goes into `filename*` (RFC 8187); clients that do not know it find a likeness in
    `filename`, without the characters that they are known to misread (RFC 6266, appendix D).
    """
    kind = "inline" if inline else "attachment"
    if not file_name:
        return kind
    plain = re.sub(r'[^\x20-\x7e]|["\\%/]', "_", file_name)
    if plain == file_name:
        return f'{kind}; filename="{plain}"'
    exact = quote(file_name, safe=_ATTRIBUTE_CHARACTERS, errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{exact}"
