"""Closing S3 waits for what is being cleaned up there, however often its caller is cancelled."""

import asyncio

import pytest

from s3py_helper.adapters.s3.config import S3Config
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.testing import leak_guard
from tests.support.cancelling import CleaningUp, cancelled_again

pytestmark = pytest.mark.timeout(30)


async def test_closing() -> None:
    cleaning_up = CleaningUp()
    config = S3Config(endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")
    async with leak_guard():
        session = await S3Session(config).__aenter__()
        assert session.background.start("s3", "it", cleaning_up.passed) is not None
        closing = asyncio.ensure_future(session.__aexit__(None, None, None))
        await cancelled_again(closing, cleaning_up)
