"""Which URL names a bucket or an object."""

import re
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from s3py_helper.adapters.s3.api.signing import encoded_path
from s3py_helper.adapters.s3.config import DEFAULT_PORTS

type AddressingStyle = Literal["auto", "path", "virtual"]

# The SDK's rules: https://github.com/boto/botocore, endpoint rule `aws.isVirtualHostableS3Bucket`.
_HOST_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LIKE_AN_IP: Final = re.compile(r"[0-9]+(\.[0-9]+){3}")
_HOST_LABELS: Final = re.compile(r"(?=.{3,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class Address(NamedTuple):
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
        host = parts.hostname or ""
        # An IP address has no subdomains.
        self.virtual = not _is_ip(host) and (style == "virtual" or (style == "auto" and _is_amazons(host)))
        self._scheme = parts.scheme
        self._host = _host_header(parts.scheme, host, parts.port)
        self._origin = f"{parts.scheme}://{self._host}"
        self._prefix = parts.path.rstrip("/")
        # Over TLS no dots: no wildcard certificate covers a host with them.
        self._host_names = _HOST_LABEL if self.secure else _HOST_LABELS

    def address(self, bucket: str, key: str | None = None) -> Address:
        """Where an object is, or the bucket itself."""
        in_bucket = "" if key is None else encoded_path(key)
        if self.virtual and self._may_be_in_host(bucket):
            host = f"{bucket}.{self._host}"
            return Address(f"{self._scheme}://{host}", host, f"{self._prefix}/{in_bucket}")
        path = f"{self._prefix}/{bucket}" if key is None else f"{self._prefix}/{bucket}/{in_bucket}"
        return Address(self._origin, self._host, path)

    def _may_be_in_host(self, bucket: str) -> bool:
        return self._host_names.fullmatch(bucket) is not None and not _LIKE_AN_IP.fullmatch(bucket)


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
    return name if port in {None, DEFAULT_PORTS[scheme]} else f"{name}:{port}"
