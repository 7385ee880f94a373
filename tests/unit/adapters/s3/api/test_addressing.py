import pytest

from s3py_helper.adapters.s3.api.addressing import Address, AddressingStyle, Endpoint


@pytest.mark.parametrize(
    ("url", "style", "bucket", "expected"),
    [
        ("http://127.0.0.1:9000", "auto", "docs", Address("http://127.0.0.1:9000", "127.0.0.1:9000", "/docs/k")),
        ("http://minio:9000", "auto", "docs", Address("http://minio:9000", "minio:9000", "/docs/k")),
        ("https://h:443", "path", "docs", Address("https://h", "h", "/docs/k")),
        ("http://h:443", "path", "docs", Address("http://h:443", "h:443", "/docs/k")),
        ("http://[::1]:9000", "path", "docs", Address("http://[::1]:9000", "[::1]:9000", "/docs/k")),
        ("https://h/s3", "path", "docs", Address("https://h", "h", "/s3/docs/k")),
        ("https://h/s3/", "path", "docs", Address("https://h", "h", "/s3/docs/k")),
        ("https://h/", "virtual", "docs", Address("https://docs.h", "docs.h", "/k")),
        ("https://h:8443", "virtual", "docs", Address("https://docs.h:8443", "docs.h:8443", "/k")),
        ("https://h/s3", "virtual", "docs", Address("https://docs.h", "docs.h", "/s3/k")),
        (
            "https://s3.eu-west-1.amazonaws.com",
            "auto",
            "docs",
            Address("https://docs.s3.eu-west-1.amazonaws.com", "docs.s3.eu-west-1.amazonaws.com", "/k"),
        ),
        (
            "https://s3.amazonaws.com",
            "path",
            "docs",
            Address("https://s3.amazonaws.com", "s3.amazonaws.com", "/docs/k"),
        ),
        (
            "https://s3.cn-north-1.amazonaws.com.cn",
            "auto",
            "docs",
            Address("https://docs.s3.cn-north-1.amazonaws.com.cn", "docs.s3.cn-north-1.amazonaws.com.cn", "/k"),
        ),
        (
            "https://s3.amazonaws.com.example",
            "auto",
            "docs",
            Address("https://s3.amazonaws.com.example", "s3.amazonaws.com.example", "/docs/k"),
        ),
        # No certificate and no name server would know these hosts.
        ("https://h", "virtual", "my.docs", Address("https://h", "h", "/my.docs/k")),
        ("http://h", "virtual", "my.docs", Address("http://my.docs.h", "my.docs.h", "/k")),
        ("http://h", "virtual", "my..docs", Address("http://h", "h", "/my..docs/k")),
        ("http://h", "virtual", "127.0.0.1", Address("http://h", "h", "/127.0.0.1/k")),
        ("https://h", "virtual", "My_Docs", Address("https://h", "h", "/My_Docs/k")),
        ("https://h", "virtual", "-docs", Address("https://h", "h", "/-docs/k")),
        ("https://h", "virtual", "docs-", Address("https://h", "h", "/docs-/k")),
        ("https://h", "virtual", "ab", Address("https://h", "h", "/ab/k")),
        ("https://h", "virtual", "a-1", Address("https://a-1.h", "a-1.h", "/k")),
        ("https://h", "virtual", "x" * 63, Address(f"https://{'x' * 63}.h", f"{'x' * 63}.h", "/k")),
        ("https://h", "virtual", "x" * 64, Address("https://h", "h", f"/{'x' * 64}/k")),
        ("http://h", "virtual", "x" * 64, Address("http://h", "h", f"/{'x' * 64}/k")),
        ("http://h", "virtual", "ab", Address("http://h", "h", "/ab/k")),
        ("http://h", "virtual", "a.-b", Address("http://h", "h", "/a.-b/k")),
        ("http://127.0.0.1", "virtual", "docs", Address("http://127.0.0.1", "127.0.0.1", "/docs/k")),
        ("http://[::1]", "virtual", "docs", Address("http://[::1]", "[::1]", "/docs/k")),
    ],
)
def test_an_object_has_one_address(url: str, style: AddressingStyle, bucket: str, expected: Address) -> None:
    assert Endpoint(url, style).address(bucket, "k") == expected


@pytest.mark.parametrize(
    ("style", "expected"),
    [("path", Address("https://h", "h", "/docs")), ("virtual", Address("https://docs.h", "docs.h", "/"))],
)
def test_a_bucket_has_an_address_of_its_own(style: AddressingStyle, expected: Address) -> None:
    assert Endpoint("https://h", style).address("docs") == expected
