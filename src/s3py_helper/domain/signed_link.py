"""Links that carry their own permission: an HMAC-SHA-256 (RFC 2104) over what they permit, and until when."""

import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode

from s3py_helper.domain.arguments import require_duration, require_items
from s3py_helper.domain.errors import InvalidArgumentException, LinkNotValidException
from s3py_helper.domain.text_rules import require_text, shortened

type LinkMethods = Literal["GET,HEAD", "PUT"]
"""Methods that a link is good for."""

READ: Final[LinkMethods] = "GET,HEAD"
WRITE: Final[LinkMethods] = "PUT"

MAX_LIFETIME: Final = timedelta(days=7)
"""What S3 permits as well (Amazon S3 User Guide, "Download and upload objects with presigned URLs")."""

LEAST_SECRET: Final = 32
"""Characters of a secret: 128 bits if they are hexadecimal digits."""

_KEY_NAME: Final = re.compile("[A-Za-z0-9_-]{1,32}")
_VERSION: Final = "v1"
_RESERVED: Final = frozenset({"exp", "kid", "sig"})
_NO_SECRET: Final = "x" * LEAST_SECRET


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A secret that signs links.

    Attributes:
        id: Names it in links: 1 to 32 letters, digits, `-` and `_`.
        secret: At least 32 characters, random ones.
        not_after: From then on no link that it has signed is good for anything; `None` while it is in use.

    Raises:
        InvalidArgumentException: The name is not valid, or the secret is too short; the message has no secret.
    """

    id: str
    secret: str = field(repr=False)
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        name = require_text(self.id, "the name of a key")
        if not (
            0 < len(name) <= LEAST_SECRET and name.isascii() and name.replace("-", "a").replace("_", "a").isalnum()
        ):
            raise InvalidArgumentException(f"a key is called 1 to 32 of A-Z a-z 0-9 - _, not {shortened(name)}")
        if len(require_text(self.secret, "a secret")) < LEAST_SECRET:
            raise InvalidArgumentException(f"the secret of key {name!r} has fewer than {LEAST_SECRET} characters")


class LinkKeys:
    """Signs with the newest key that is in use, and knows the links of all that are.

    To replace a key, put a new one before it, and remove it when the last of its links has expired.

    Args:
        keys: The newest first.
        max_lifetime: The longest that a link may work.
        clock: Seconds since 1970.

    Raises:
        InvalidArgumentException: There is no key, two have the same name, or links could not work at all.
    """

    def __init__(
        self, keys: Sequence[LinkKey], *, max_lifetime: timedelta = MAX_LIFETIME, clock: Callable[[], float] = time.time
    ) -> None:
        given = require_items(keys, LinkKey, "keys")
        self._keys = {key.id: key for key in given}
        if not self._keys or len(self._keys) < len(given):
            raise InvalidArgumentException("keys of links have different names, and there is at least one")
        if require_duration(max_lifetime, "max_lifetime") <= timedelta():
            raise InvalidArgumentException(f"max_lifetime is above 0, got {max_lifetime}")
        self._max_lifetime = max_lifetime
        self._clock = clock

    def signed(
        self, permission: LinkMethods, subject: str, expires_in: timedelta, claims: Mapping[str, str | None]
    ) -> str:
        """The query of a link.

        Args:
            permission: What it is good for.
            subject: The file's id, or the name of a new file.
            expires_in: How long it works.
            claims: What else it says, by names of its own; `None` leaves one out.

        Raises:
            InvalidArgumentException: The lifetime is too long, or none at all.
            LinkNotValidException: No key is in use any more.
        """
        if not timedelta(seconds=1) <= require_duration(expires_in, "expires_in") <= self._max_lifetime:
            raise InvalidArgumentException(f"a link works from 1 s to {self._max_lifetime}, not {expires_in}")
        key = next((key for key in self._keys.values() if self._is_in_use(key)), None)
        if key is None:
            raise LinkNotValidException
        query = {name: value for name, value in claims.items() if value is not None}
        query |= {"exp": str(int(self._clock() + expires_in.total_seconds())), "kid": key.id}
        return _encoded(query) + f"&sig={_signature(key.secret, permission, subject, query)}"

    def claims_of(self, permission: LinkMethods, subject: str, query: str) -> Mapping[str, str]:
        """What a link says besides; how long finding out takes tells nothing about a signature.

        Raises:
            LinkNotValidException: It is not good for this (any more): one error, whatever the reason.
        """
        given = parse_qsl(query, keep_blank_values=True)
        fields = dict(given)
        signature, key = fields.pop("sig", ""), self._keys.get(fields.get("kid", ""))
        expected = _signature(_NO_SECRET if key is None else key.secret, permission, subject, fields)
        authentic = hmac.compare_digest(signature.encode(), expected.encode())
        # What was signed has an expiry of this form.
        if len(given) > len(fields) + 1 or key is None or not authentic or not self._is_in_use(key):
            raise LinkNotValidException
        if int(fields["exp"]) <= self._clock():
            raise LinkNotValidException
        return {name: value for name, value in fields.items() if name not in _RESERVED}

    def _is_in_use(self, key: LinkKey) -> bool:
        return key.not_after is None or datetime.fromtimestamp(self._clock(), UTC) < key.not_after


def _signature(secret: str, permission: LinkMethods, subject: str, fields: Mapping[str, str]) -> str:
    # Each part is encoded, so that none can hold what separates them.
    text = "\n".join([_VERSION, permission, _encoded({"subject": subject}), _encoded(fields)])
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def _encoded(fields: Mapping[str, str]) -> str:
    # Whatever is no text at all (a lone surrogate) is signed as well, and will be nobody's link.
    return urlencode(sorted(fields.items()), errors="surrogatepass")
