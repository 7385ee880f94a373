"""How to reach an S3 service."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, model_validator

from s3py_helper.domain.file_id import Backend, check_bucket
from s3py_helper.domain.settings_model import PathSetting, SettingsModel
from s3py_helper.domain.text_rules import forbidden_character

_MIB: Final = 1024 * 1024
_VISIBLE_ASCII: Final = re.compile(r"[!-~]*")

SLOWEST_BODY: Final = 4 * 1024
"""Bytes per second: how much longer a body may take than a request without one. Four parts at once make 16 KiB/s."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
"""Ports that a `Host` header leaves out."""


class S3PerfConfig(SettingsModel):
    """Performance settings; the defaults suit most deployments."""

    former_settings: ClassVar[Mapping[str, str]] = {
        "zip_stream_queue_size": "what an archive holds in memory is bounded by itself"
    }

    multipart_threshold: int = Field(default=8 * _MIB, ge=1 * _MIB, le=5 * 1024 * _MIB)
    """Files of this size or more are uploaded in parts, unless one part would hold them."""
    multipart_part_size: int = Field(default=8 * _MIB, ge=5 * _MIB, le=5 * 1024 * _MIB)
    """Size of a part in bytes (5 MiB to 5 GiB); grows by itself where 10 000 parts would not do."""
    parts_in_flight: int = Field(default=4, ge=1, le=64)
    """Parts of one upload in flight at once; an upload holds about that many parts in memory. Where parts have to be
    larger than configured, because 10 000 of them must suffice, at most 128 MiB are in flight, or one part: up to
    525 MiB where the size is known (5 TiB), 768 MiB where it is not (beyond 400 GiB).
    """
    upload_memory: int = Field(default=64 * _MIB, ge=5 * _MIB, le=1024 * 1024 * _MIB)
    """Bytes of parts that all uploads together have in memory. Each has one part, whatever the others have, and where
    this is used up by then its parts are of 5 MiB; further ones in flight only an upload has that is alone, or finds
    room here. So 20 at once take some 100 MiB, and a lone one is as fast as `parts_in_flight` makes it.
    """
    download_chunk_size: int = Field(default=1 * _MIB, ge=4 * 1024, le=16 * _MIB)
    """Largest chunk in bytes that a download yields at a time."""
    max_pool_connections: int = Field(default=64, ge=1, le=1000)
    """Most connections to the service at once, over all of its hosts. A download holds one until its last bytes have
    come, so this is also about how many downloads can be under way: let it follow the number of readers you expect.
    Downloads leave an eighth of it (at least one) to short requests. The SDK, which the raw client and making buckets
    use, has as many of its own.
    """
    pool_timeout: float = Field(default=30.0, gt=0, le=600.0)
    """Seconds that a request waits for a connection while all are in use; then it fails with
    `StorageUnavailableException`. Further attempts of a request keep its connection's place and wait no more.
    """
    read_timeout: float = Field(default=60.0, gt=0, le=600.0)
    """Seconds without progress after which an attempt counts as failed: the head of a response has to be complete this
    long after the request was sent, then something has to come in so often. For large bodies see `operation_timeout`.
    """
    connect_timeout: float = Field(default=10.0, gt=0, le=120.0)
    """Seconds to establish a connection, looking up the host, proxy and TLS included."""
    max_retries: int = Field(default=8, ge=0, le=20)
    """Further attempts after a failure that another attempt may mend. The pauses between them grow from 0.1 s to 5 s,
    so that the default lasts for 8 to 16 s: a server that restarts meanwhile is not noticed. A service that asks for
    a longer pause (`Retry-After`) gets it, where `retry_seconds` allows.
    """
    retry_seconds: float = Field(default=20.0, ge=0, le=600.0)
    """Seconds after the first failure within which the last further attempt begins."""
    operation_timeout: float = Field(default=30.0, gt=0, le=600.0)
    """Seconds for a whole request without a large body, with its further attempts and their pauses; one attempt may
    take half of it. A body has a second more for every 4 KiB, whichever way it goes; a download that is slower although
    its reader waits counts as broken off. An attempt to send a body fails when the server has taken nothing, and
    confirmed nothing, for half of this time and a second for every 16 MiB. So a frozen service is reported after one
    and a quarter of this time and `retry_seconds` at the latest, whatever is sent: 57.5 s by default. Listing, copying
    and completing a multipart upload are not bound by it, because the server may work for long: each attempt has
    `read_timeout`.
    """


def _web_address(setting: str, text: str) -> SplitResult:
    if problem := _white_space(text):
        raise ValueError(f"{setting} {problem}")  # urlsplit() drops line breaks, and the signature would not
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise ValueError(f"{setting} is no valid address: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{setting} needs scheme and host, as in http://192.168.30.36:9001")
    return parts


def _endpoint(text: str) -> str:
    parts = _web_address("endpoint", text)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("endpoint is an address only: keys belong into access_key_id and secret_access_key")
    if not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError("endpoint takes visible ASCII characters only: write a host in its ASCII form (xn--...)")
    # In lower case, so that requests and signatures, ours and the SDK's, name the same host.
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _proxy(text: str) -> str:
    _web_address("proxy", text)
    return text


def check_keys(access_key: str, secret_key: str, session_token: str | None) -> None:
    """Raise `ValueError` for keys that no service gives out."""
    if not _VISIBLE_ASCII.fullmatch(access_key):
        raise ValueError("the access key has characters that no header takes: a line break or a blank, perhaps")
    for setting, text in (("secret key", secret_key), ("session token", session_token or "")):
        if problem := _white_space(text):
            raise ValueError(f"the {setting} {problem}")


def _key(text: str) -> str:
    if problem := _white_space(text):
        raise ValueError(problem)
    return text


def _sent_key(text: str) -> str:
    if not _VISIBLE_ASCII.fullmatch(_key(text)):
        raise ValueError("it is sent in a header, which takes visible ASCII characters only")
    return text


def _white_space(text: str) -> str | None:
    """The stray blanks that a copied value often has; the value itself, perhaps a secret, is not repeated."""
    if text != text.strip():
        return "begins or ends with white space: remove it"
    if forbidden := forbidden_character(text):
        return f"contains {forbidden}"
    return None


def _bucket(name: str) -> str:
    check_bucket(Backend.S3, name)
    return name


type _Bucket = Annotated[str, AfterValidator(_bucket)]


class S3Config(SettingsModel):
    """Connection to an S3 service."""

    endpoint: Annotated[str, AfterValidator(_endpoint)]
    """Address with scheme, e.g. `http://192.168.30.36:9001`."""
    access_key_id: Annotated[str, AfterValidator(_sent_key)] | None = None
    """Access key; without one the SDK's default credential chain is asked (environment, shared files, container and
    instance roles), and asked again when its credentials expire.
    """
    secret_access_key: Annotated[str, AfterValidator(_key)] | None = Field(default=None, repr=False)
    """Secret key."""
    session_token: Annotated[str, AfterValidator(_sent_key)] | None = Field(default=None, repr=False)
    """Token that belongs to temporary keys."""
    default_bucket: _Bucket = "demo"
    """Where files go that name no bucket."""
    buckets: tuple[_Bucket, ...] = ()
    """Further buckets that belong to this deployment."""
    create_bucket_if_missing: bool = False
    """Make the default bucket, and the further ones, when the backend is opened."""
    region: str = Field(default="us-east-1", pattern=r"^[A-Za-z0-9-]+$")
    """Region name that signatures carry."""
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    """Where requests name the bucket: in the `path`, or in the host (`virtual`). `auto` is `virtual` for Amazon's own
    endpoints and `path` for all others, as in the SDK. A bucket whose name no host can have is always named in the
    path; over HTTPS so is one with a dot, whose host no certificate would cover.
    """
    verify_tls: bool | PathSetting = True
    """`False` accepts every certificate (tests only); a path names the CA bundle to trust."""
    proxy: Annotated[str, AfterValidator(_proxy)] | None = Field(default=None, repr=False)
    """Address of an HTTP proxy; without one the environment (`HTTPS_PROXY`, `NO_PROXY`, ...) decides."""
    checksum: Literal["auto", "required", "off"] = "auto"
    """`auto` sends a CRC-32 with every upload, and checks it on whole downloads; a bucket whose server does not
    implement it does without for ten minutes. `required` refuses servers that do not confirm it; `off` is for servers
    that choke on it.
    """
    sign_payload: bool = False
    """Over plain HTTP, sign a SHA-256 of every body, so that nobody on the way can change it unnoticed. It costs
    uploads a sixth of their speed; TLS protects downloads as well, and needs no such signature. The CRC-32
    that travels in any case guards against accidents only.
    """
    perf: S3PerfConfig | None = None
    """Performance settings."""

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        if bool(self.access_key_id) is not bool(self.secret_access_key):
            raise ValueError("access_key_id and secret_access_key belong together: give both, or none of them")
        if self.session_token and not self.access_key_id:
            raise ValueError("session_token belongs to keys: give access_key_id and secret_access_key with it")
        return self

    @property
    def all_buckets(self) -> frozenset[str]:
        """The default bucket and the further ones."""
        return frozenset({self.default_bucket, *self.buckets})
