"""Signatures computed again, by the SDK, of what has arrived."""

import re
from collections.abc import Mapping

from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]  # it ships no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]


def is_signed(method: str, target: str, headers: Mapping[str, str], secret: str, *, region: str = "us-east-1") -> bool:
    """Whether the request carries a Signature Version 4 made with that secret.

    Args:
        method: HTTP method.
        target: Path and query as they came.
        headers: By name, in whatever case.
        secret: The secret key.
        region: What the signature must be for.
    """
    given = {name.lower(): value for name, value in headers.items()}
    found = re.search(r"SignedHeaders=([^,]+), ?Signature=(\w+)", given["authorization"])
    if found is None:
        return False
    names, signature = found.groups()
    signed = {name: given[name] for name in names.split(";")}
    again = AWSRequest(method, f"http://{given['host']}{target}", headers=signed)
    again.context["timestamp"] = given["x-amz-date"]
    signer = S3SigV4Auth(Credentials("ak", secret), "s3", region)
    canonical = signer.canonical_request(again)
    return bool(signer.signature(signer.string_to_sign(again, canonical), again) == signature)
