"""Who is measured."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from benchmarks.harness.environments import OURS


class Role(StrEnum):
    OURS = "ours"
    INCUMBENT = "incumbent"
    PEER = "peer"
    LIMIT = "limit"
    """Not a library of the same kind, but what the machine, the server or the language allows."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Attributes:
    name: What tables and plots call it.
    environment: Which environment it runs in.
    driver: Module of `benchmarks.drivers`.
    package: What to show the version of; empty for what is no package.
    """

    name: str
    environment: str
    driver: str
    package: str = ""
    role: Role = Role.PEER

    def called(self, name: str, role: Role | None = None) -> "Subject":
        return replace(self, name=name, role=role or self.role)


S3PY: Final = Subject("s3py-helper", OURS, "s3py_helper", "s3py-helper", Role.OURS)
S3PY_UVLOOP: Final = Subject("s3py-helper, uvloop", OURS, "s3py_helper+uvloop", "s3py-helper")
INCUMBENT: Final = Subject("s3py-helper 0.0.17", "incumbent", "s3py_helper", "s3py-helper", Role.INCUMBENT)
AIOBOTO3: Final = Subject("aioboto3", "aioboto3", "aioboto3", "aioboto3")
BOTO3: Final = Subject("boto3, s3transfer", "boto3", "boto3", "boto3")
S3FS: Final = Subject("s3fs", "s3fs", "s3fs", "s3fs")
OBSTORE: Final = Subject("obstore", "obstore", "obstore", "obstore")
OPENDAL: Final = Subject("opendal", "opendal", "opendal", "opendal")
CURL: Final = Subject("curl", OURS, "curl", "", Role.LIMIT)
RAW: Final = Subject("raw socket", OURS, "raw_socket", "", Role.LIMIT)

S3_CLIENTS: Final = (S3PY, S3PY_UVLOOP, INCUMBENT, AIOBOTO3, BOTO3, S3FS, OBSTORE, OPENDAL)
