"""moto's server: a second, independent implementation of S3, in a thread."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.s3.server import S3Server


@contextmanager
def moto_server() -> Iterator[S3Server]:
    # Imported here: what it takes with it is a sixth of all modules, and few runs need it.
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - see above

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield S3Server("moto", f"http://127.0.0.1:{port}", "access-of-tests", "secret-of-tests")
    finally:
        server.stop()
