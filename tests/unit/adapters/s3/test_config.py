import pytest
from pydantic import ValidationError

from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.domain.errors import InvalidArgumentException

SECRET = "wJalrXUtnFEMI"
MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"endpoint": "192.168.30.36:9001"}, "endpoint needs scheme and host"),
        ({"endpoint": "ftp://h"}, "endpoint needs scheme and host"),
        ({"endpoint": "http://"}, "endpoint needs scheme and host"),
        ({"endpoint": "http://h:port"}, "endpoint is no valid address"),
        ({"endpoint": f"http://user:{SECRET}@h"}, "endpoint is an address only"),
        ({"endpoint": "http://h/?x=1"}, "endpoint is an address only"),
        ({"endpoint": "http://h/#x"}, "endpoint is an address only"),
        ({"proxy": "proxy:3128"}, "proxy needs scheme and host"),
        ({"secret_access_key": None}, "belong together"),
        ({"access_key_id": None}, "belong together"),
        ({"access_key_id": None, "secret_access_key": None, "session_token": "t"}, "session_token belongs to keys"),
        ({"default_bucket": "a/b"}, "'a/b' is not a bucket name"),
        ({"buckets": ["fine", "x"]}, "'x' is not a bucket name"),
        ({"region": "us east"}, "region"),
        ({"addressing_style": "dns"}, "addressing_style"),
        ({"checksum": "maybe"}, "checksum"),
        ({"perf": {"multipart_part_size": 1}}, "multipart_part_size"),
        ({"endpoint": "http://h\n"}, "endpoint begins or ends with white space"),
        ({"endpoint": "http://h\t:9000"}, r"endpoint contains the control character U\+0009"),
        ({"proxy": " http://p"}, "proxy begins or ends with white space"),
        ({"access_key_id": "ak\n"}, "access_key_id: begins or ends with white space: remove it"),
        ({"access_key_id": "a k"}, "access_key_id: it is sent in a header"),
        ({"access_key_id": "schlüssel"}, "access_key_id: it is sent in a header"),
        ({"secret_access_key": f"{SECRET}\n"}, "secret_access_key: begins or ends with white space"),
        ({"secret_access_key": f"{SECRET}\udc80"}, r"secret_access_key: contains the lone surrogate U\+DC80"),
        ({"session_token": f"{SECRET}\r"}, "session_token: begins or ends with white space"),
        ({"session_token": f"{SECRET}-ü"}, "session_token: it is sent in a header"),
        ({"access_keyid": "ak"}, r"access_keyid: there is no such setting, did you mean access_key_id\?"),
        ({"perf": {"max_retrys": 1}}, r"perf\.max_retrys: there is no such setting, did you mean max_retries\?"),
        ({"verify_tls": 3.5}, "verify_tls: "),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name_and_without_the_keys(settings: dict[str, object], words: str) -> None:
    given = {"endpoint": "http://h", "access_key_id": "ak", "secret_access_key": SECRET} | settings
    with pytest.raises(InvalidArgumentException, match=words) as refused:
        S3Config(**given)
    assert SECRET not in str(refused.value)
    with pytest.raises(ValidationError) as refused_by_pydantic:
        S3Config.model_validate(given)
    assert SECRET not in str(refused_by_pydantic.value)


@pytest.mark.parametrize(
    ("setting", "least", "most", "below", "above"),
    [
        ("multipart_threshold", MIB, 5 * GIB, MIB - 1, 5 * GIB + 1),
        ("multipart_part_size", 5 * MIB, 5 * GIB, 5 * MIB - 1, 5 * GIB + 1),
        ("parts_in_flight", 1, 64, 0, 65),
        ("upload_memory", 5 * MIB, 1024 * GIB, 5 * MIB - 1, 1024 * GIB + 1),
        ("download_chunk_size", 4096, 16 * MIB, 4095, 16 * MIB + 1),
        ("max_pool_connections", 1, 1000, 0, 1001),
        ("pool_timeout", 0.01, 600, 0, 600.1),
        ("read_timeout", 0.01, 600, 0, 600.1),
        ("connect_timeout", 0.01, 120, 0, 120.1),
        ("max_retries", 0, 20, -1, 21),
        ("retry_seconds", 0, 600, -0.1, 600.1),
        ("operation_timeout", 0.01, 600, 0, 600.1),
    ],
)
def test_each_setting_of_performance_has_its_bounds(
    setting: str, least: float, most: float, below: float, above: float
) -> None:
    for fine in (least, most):
        assert getattr(S3PerfConfig.model_validate({setting: fine}), setting) == fine
    for wrong in (below, above):
        with pytest.raises(ValidationError, match=setting):
            S3PerfConfig.model_validate({setting: wrong})


def test_secrets_are_not_printed() -> None:
    config = S3Config(
        endpoint="http://h",
        access_key_id="ak",
        secret_access_key=SECRET,
        session_token="a-token",
        proxy="http://me:pass-word@proxy:3128",
    )
    for secret in (SECRET, "a-token", "pass-word"):
        assert secret not in repr(config)
        assert secret not in str(config)


def test_a_slash_at_the_end_of_the_endpoint_does_not_matter() -> None:
    assert S3Config(endpoint="http://h:9000/").endpoint == "http://h:9000"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("HTTP://LOCALHOST:9000", "http://localhost:9000"),
        ("https://S3.Example:443/", "https://s3.example"),
        ("http://s3.example:80//", "http://s3.example"),
        ("http://s3.example:443", "http://s3.example:443"),
        ("http://[2001:DB8::1]:9000", "http://[2001:db8::1]:9000"),
        ("https://h/Path/S3/", "https://h/Path/S3"),
    ],
)
def test_the_endpoint_is_kept_in_one_form(given: str, kept: str) -> None:
    assert S3Config(endpoint=given).endpoint == kept


@pytest.mark.parametrize("endpoint", ["http://müller.example", "http://h/ü", "http://h/a b"])
def test_an_endpoint_is_ascii(endpoint: str) -> None:
    with pytest.raises(InvalidArgumentException, match="visible ASCII"):
        S3Config(endpoint=endpoint)


def test_keys_may_be_left_to_the_credential_chain() -> None:
    assert S3Config(endpoint="http://h").access_key_id is None


def test_the_buckets_are_the_default_and_the_further_ones() -> None:
    config = S3Config(endpoint="http://h", default_bucket="one", buckets=("two", "one"))
    assert config.all_buckets == {"one", "two"}


def test_settings_of_earlier_versions_are_accepted(caplog: pytest.LogCaptureFixture) -> None:
    perf = S3PerfConfig.model_validate(
        {
            "multipart_threshold": 50 * 1024 * 1024,
            "multipart_part_size": 5 * 1024 * 1024,
            "download_chunk_size": 4096,
            "zip_stream_queue_size": 16,
            "max_pool_connections": 10,
            "read_timeout": 600.0,
            "connect_timeout": 120.0,
            "max_retries": 10,
        }
    )
    assert perf.max_pool_connections == 10
    assert "zip_stream_queue_size has no effect" in caplog.text


def test_the_defaults_are_those_that_are_documented() -> None:
    assert S3PerfConfig().model_dump() == {
        "multipart_threshold": 8 * 1024 * 1024,
        "multipart_part_size": 8 * 1024 * 1024,
        "parts_in_flight": 4,
        "upload_memory": 64 * 1024 * 1024,
        "download_chunk_size": 1024 * 1024,
        "max_pool_connections": 64,
        "pool_timeout": 30.0,
        "read_timeout": 60.0,
        "connect_timeout": 10.0,
        "max_retries": 8,
        "retry_seconds": 20.0,
        "operation_timeout": 30.0,
    }
    assert S3Config(endpoint="http://127.0.0.1").model_dump(exclude={"endpoint"}) == {
        "access_key_id": None,
        "secret_access_key": None,
        "session_token": None,
        "default_bucket": "demo",
        "buckets": (),
        "create_bucket_if_missing": False,
        "region": "us-east-1",
        "addressing_style": "auto",
        "verify_tls": True,
        "proxy": None,
        "checksum": "auto",
        "sign_payload": False,
        "perf": None,
    }
