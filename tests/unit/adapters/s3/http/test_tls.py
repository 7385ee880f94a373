"""Whom the setting `verify_tls` trusts."""

import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from s3py_helper.adapters.s3.http.tls import tls_settings
from s3py_helper.domain.errors import InvalidArgumentException
from tests.support.s3.certificate import make_certificate

pytestmark = pytest.mark.timeout(20)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two servers' certificates: of the one the system trusts, and of ours, which is a file and in a folder."""
    ours, systems, folder = (tmp_path_factory.mktemp(name) for name in ("ours", "systems", "folder"))
    file = make_certificate(ours).path
    (folder / f"{_hashed_subject(file)}.0").write_bytes(file.read_bytes())
    return {"systems": make_certificate(systems).path, "file": file, "folder": folder}


def _hashed_subject(certificate: Path) -> str:
    """The name by which OpenSSL finds it in a folder: see openssl-rehash(1)."""
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject.public_bytes()
    # Without tag and length of the whole; this name is in canonical form as it is.
    digest = hashlib.sha1(subject[2:], usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _trusts(context: ssl.SSLContext, certificate: Path, host: str = "127.0.0.1") -> bool:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(back, there, server_hostname=host)
    server = theirs.wrap_bio(there, back, server_side=True)
    for side in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    try:
        client.do_handshake()
    except ssl.SSLCertVerificationError:
        return False
    return True


@pytest.mark.parametrize(
    ("setting", "trusted"),
    [
        (True, {"systems"}),
        (False, {"systems", "file"}),
        ("file", {"file"}),
        ("folder", {"file"}),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_nobody_else_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
    places: dict[str, Path],
    setting: bool | str,
    trusted: set[str],
    kind: type[str | Path],
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(places["systems"]))
    context = tls_settings(setting if isinstance(setting, bool) else kind(places[setting]))()
    assert {name for name in ("systems", "file") if _trusts(context, places[name])} == trusted


@pytest.mark.parametrize(("setting", "trusted"), [(True, False), (False, True), ("file", False), ("folder", False)])
def test_the_host_counts_unless_nothing_is_verified(
    monkeypatch: pytest.MonkeyPatch, places: dict[str, Path], setting: bool | str, trusted: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(places["systems"]))
    context = tls_settings(setting if isinstance(setting, bool) else places[setting])()
    assert _trusts(context, places["systems" if setting is True else "file"], "127.0.0.2") is trusted


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(InvalidArgumentException, match=r"verify_tls names the CA bundle .*ca\.pem', which cannot be"):
        tls_settings(bundle)
