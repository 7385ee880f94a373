"""A database that speaks TLS: the URL says whom to trust, and nobody else is believed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException, StorageUnavailableException
from s3py_helper.testing.contract.ledger import planned
from tests.support.postgres.fixtures import started_postgres
from tests.support.postgres.past import past_the_ledger
from tests.support.postgres.server import HOST, PASSWORD, PostgresServer
from tests.support.s3.certificate import Certificate, make_certificate

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The server's, for 127.0.0.1, signed by itself."""
    return make_certificate(tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Iterator[PostgresServer]:
    with started_postgres() as server:
        server.stop()
        key = server.folder / "server.pem"
        shutil.copyfile(certificate.path, key)
        shutil.chown(key, server.folder.owner())
        key.chmod(0o600)
        server.options = {"ssl": "on", "ssl_cert_file": str(key), "ssl_key_file": str(key)}
        server.start()
        yield server


async def test_a_ledger_is_used_through_tls(server: PostgresServer, certificate: Certificate) -> None:
    url = server.url(sslmode="verify-full", sslrootcert=str(certificate.path), schema="encrypted")
    async with PostgresLedger(url, "one") as ledger, past_the_ledger(server) as owner:
        assert await ledger.plan([planned(1)]) == 1
        [encrypted] = await owner.fetch(
            "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 's3py-ledger'"
        )
        assert encrypted["ssl"]


async def test_a_server_that_nobody_vouches_for_is_refused_for_good(server: PostgresServer, tmp_path: Path) -> None:
    stranger = make_certificate(tmp_path)
    url = server.url(sslmode="verify-full", sslrootcert=str(stranger.path), schema="refused")
    await _refused(url, "certificate verify failed")


async def test_a_server_of_another_name_is_refused_for_good(server: PostgresServer, certificate: Certificate) -> None:
    url = server.url(sslmode="verify-full", sslrootcert=str(certificate.path), schema="refused")
    await _refused(url.replace(f"@{HOST}:", "@localhost:"), "localhost")


async def test_a_certificate_file_that_is_not_there_is_named(server: PostgresServer, tmp_path: Path) -> None:
    url = server.url(sslmode="verify-full", sslrootcert=str(tmp_path / "missing.pem"), schema="refused")
    with pytest.raises(InvalidArgumentException, match=r"^sslrootcert=/.*missing\.pem in the URL"):
        await PostgresLedger(url, "one").__aenter__()


async def test_a_server_without_tls_is_refused(postgres: PostgresServer, certificate: Certificate) -> None:
    await _refused(postgres.url(sslmode="verify-full", sslrootcert=str(certificate.path), schema="plain"), "SSL")


async def _refused(url: str, says: str) -> None:
    with pytest.raises(StorageOperationException, match=says) as error:
        await PostgresLedger(url, "one").__aenter__()
    assert not isinstance(error.value, StorageUnavailableException), "waiting would not help"
    assert PASSWORD not in str(error.value)
