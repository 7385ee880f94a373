"""Settings for TLS."""

import ssl
from collections.abc import Callable
from functools import cache
from pathlib import Path

from s3py_helper.domain.errors import InvalidArgumentException

type TlsSettings = Callable[[], ssl.SSLContext]
"""Makes them when they are first needed; to be called in a thread, because reading all certificates that the system
trusts takes tens of milliseconds."""


def tls_settings(verify_tls: bool | str | Path) -> TlsSettings:  # noqa: FBT001 - the setting's own type
    """What the setting `verify_tls` means; reads the CA bundle, so to be called in a thread as well.

    Raises:
        InvalidArgumentException: The CA bundle cannot be read.
    """
    if verify_tls is True:
        return cache(ssl.create_default_context)
    if verify_tls is False:
        return cache(_trusting_everybody)
    trusting_bundle = _trusting_bundle(Path(verify_tls))
    return lambda: trusting_bundle


def _trusting_everybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _trusting_bundle(path: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(
            cafile=None if path.is_dir() else path, capath=path if path.is_dir() else None
        )
    except OSError as error:
        raise InvalidArgumentException(
            f"verify_tls names the CA bundle {str(path)!r}, which cannot be read: {error.strerror}"
        ) from error
