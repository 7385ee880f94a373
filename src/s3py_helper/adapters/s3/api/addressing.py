"""Which URL names a bucket or an object."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from s3py_helper.adapters.s3.api.signing import encoded_path

type AddressingStyle = Literal["auto", "path", "virtual"]

# A dot is left out although host names may have it: no wildcard certificate would cover the bucket's host.
_HOST_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """One bucket or object: `origin` (scheme, host, port), the `Host` header, and the encoded path."""

    origin: str
    host: str
    path: str


class Endpoint:
    """A service's address and the way in which its URLs name buckets."""

    def __init__(self, url: str, style: AddressingStyle = "auto") -> None:
        parts = urlsplit(url)
        self.url = url
        self.secure = parts.scheme == "https"
        self.virtual = style == "virtual" or (style == "auto" and _is_amazons(parts.hostname or ""))
        self._scheme = parts.scheme
        self._host = _host_header(parts.scheme, parts.hostname or "", parts.port)
        self._prefix = parts.path.rstrip("/")
        self._may_have_subdomains = not _is_ip(parts.hostname or "")

    def address(self, bucket: str, key: str | None = None) -> Address:
        """Where an object is, or the bucket itself."""
        in_bucket = "" if key is None else encoded_path(key)
        if self.virtual and self._may_have_subdomains and _HOST_LABEL.fullmatch(bucket):
            host = f"{bucket}.{self._host}"
            return Address(f"{self._scheme}://{host}", host, f"{self._prefix}/{in_bucket}")
        path = f"{self._prefix}/{bucket}" if key is None else f"{self._prefix}/{bucket}/{in_bucket}"
        return Address(f"{self._scheme}://{self._host}", self._host, path)


def _is_amazons(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host_header(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port in {None, _DEFAULT_PORTS[scheme]} else f"{name}:{port}"
