"""What the proxy variables of the environment mean."""

import pytest

from s3py_helper.adapters.s3.http.proxies import is_exempt, proxy_of_environment
from s3py_helper.domain.errors import InvalidArgumentException


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"http": "http://127.0.0.9:3128"}, "http://s3.example", "http://127.0.0.9:3128"),
        ({"http": "127.0.0.9:3128"}, "http://s3.example", "http://127.0.0.9:3128"),
        ({"http": "proxy.example"}, "http://s3.example", "http://proxy.example"),
        ({"http": "us%40er:pass@127.0.0.9:3128"}, "http://s3.example", "http://us%40er:pass@127.0.0.9:3128"),
        ({"http": "[::1]:3128"}, "http://s3.example", "http://[::1]:3128"),
        ({"http": "HTTPS://127.0.0.9"}, "http://s3.example", "HTTPS://127.0.0.9"),
        ({"https": "http://127.0.0.9"}, "https://s3.example", "http://127.0.0.9"),
        ({"https": "http://127.0.0.9"}, "http://s3.example", None),
        ({"http": "http://127.0.0.9"}, "https://s3.example", None),
        ({"all": "127.0.0.9:3128"}, "https://s3.example", "http://127.0.0.9:3128"),
        ({"all": "http://127.0.0.9", "http": "http://127.0.0.8"}, "http://s3.example", "http://127.0.0.8"),
        ({"http": ""}, "http://s3.example", None),
        ({}, "http://s3.example", None),
        ({"http": "http://127.0.0.9", "no": "example"}, "http://s3.example", None),
        ({"http": "http://127.0.0.9:1"}, "http://s3.example", "http://127.0.0.9:1"),
        # The server's port is that of its address, or of its scheme.
        ({"http": "http://127.0.0.9", "no": "s3.example:9000"}, "http://s3.example:9000", None),
        ({"http": "http://127.0.0.9", "no": "s3.example:80"}, "http://s3.example:9000", "http://127.0.0.9"),
        ({"http": "http://127.0.0.9", "no": "s3.example:80"}, "http://s3.example", None),
        ({"https": "http://127.0.0.9", "no": "s3.example:443"}, "https://s3.example", None),
        # A proxy that is of no use for a server it is not used for is no error.
        ({"http": "socks5://127.0.0.9:1080", "no": "s3.example"}, "http://s3.example", None),
        ({"all": "socks5://127.0.0.9:1080", "http": "127.0.0.9"}, "http://s3.example", "http://127.0.0.9"),
    ],
)
def test_the_variable_for_the_scheme_counts_then_the_one_for_all(
    variables: dict[str, str], url: str, proxy: str | None
) -> None:
    assert proxy_of_environment(url, variables) == proxy


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"http": "socks5://user:secret@127.0.0.9:1080"}, r"HTTP_PROXY .*'socks5'.* http and https"),
        ({"all": "socks5h://127.0.0.9:1080"}, "ALL_PROXY .*'socks5h'"),
        ({"http": "ftp://127.0.0.9"}, "HTTP_PROXY .*'ftp'"),
        ({"http": "http://:3128"}, "HTTP_PROXY is no address"),
        ({"http": "http://127.0.0.9:three"}, "HTTP_PROXY is no address"),
        ({"http": "http://127.0.0.9:0"}, "HTTP_PROXY is no address"),
        ({"http": "http://127.0.0.9:99999"}, "HTTP_PROXY is no address"),
        ({"http": "http://[::1"}, "HTTP_PROXY is no address"),
        ({"http": "http://"}, "HTTP_PROXY is no address"),
    ],
)
def test_what_is_no_usable_proxy_is_an_error_that_names_the_variable_and_no_secret(
    variables: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidArgumentException, match=words) as caught:
        proxy_of_environment("http://s3.example", variables)
    assert "secret" not in str(caught.value)


def test_the_environment_is_read_in_either_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.9:3128")
    assert proxy_of_environment("http://s3.example") == "http://127.0.0.9:3128"
    monkeypatch.setenv("no_proxy", "s3.example")
    assert proxy_of_environment("http://s3.example") is None


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "exempt"),
    [
        ("s3.example", 80, "", False),
        ("s3.example", 80, "*", True),
        ("s3.example", 80, "other.example,*", True),
        ("s3.example", 80, "*,", True),
        # Hosts.
        ("s3.example", 80, "s3.example", True),
        ("s3.example", 80, "S3.Example", True),
        ("S3.example", 80, "s3.example", True),
        ("s3.example.", 80, "s3.example", True),
        ("s3.example", 80, "s3.example.", True),
        ("s3.example", 80, "example", True),
        ("s3.example", 80, ".example", True),
        ("s3.example", 80, "*.example", True),
        ("example", 80, ".example", True),
        ("s3.example", 80, "3.example", False),
        ("s3.example", 80, "xs3.example", False),
        ("s3.example", 80, "example.s3", False),
        ("s3.example", 80, "a.s3.example", False),
        ("s3.example", 80, ".", False),
        ("s3.example", 80, "a, b.example ,s3.example", True),
        ("s3.example", 80, "a b.example\ts3.example", True),
        ("localhost", 80, "localhost", True),
        # Ports.
        ("s3.example", 80, "s3.example:80", True),
        ("s3.example", 81, "s3.example:80", False),
        ("s3.example", 80, "example:80", True),
        ("s3.example", 80, "s3.example:", False),
        ("s3.example", 80, "s3.example:http", False),
        ("s3.example", 80, "s3.example:80:80", False),
        ("127.0.0.7", 9000, "127.0.0.7:9000", True),
        ("127.0.0.7", 9001, "127.0.0.7:9000", False),
        ("::1", 9000, "[::1]:9000", True),
        ("::1", 9001, "[::1]:9000", False),
        # Addresses.
        ("127.0.0.7", 80, "127.0.0.7", True),
        ("127.0.0.77", 80, "127.0.0.7", False),
        ("127.0.0.7", 80, "0.7", False),
        ("127.0.0.7", 80, ".0.0.7", False),
        ("::1", 80, "::1", True),
        ("::1", 80, "[::1]", True),
        ("::1", 80, "0:0:0:0:0:0:0:1", True),
        ("::1", 80, "::2", False),
        ("fe80::1%eth0", 80, "fe80::1", True),
        ("::ffff:127.0.0.7", 80, "127.0.0.7", True),
        # Networks.
        ("10.1.2.3", 80, "10.0.0.0/8", True),
        ("11.1.2.3", 80, "10.0.0.0/8", False),
        ("10.1.2.3", 80, "10.1.2.3/8", True),
        ("10.1.2.3", 80, "0.0.0.0/0", True),
        ("fd00::5", 80, "fd00::/8", True),
        ("fe00::5", 80, "fd00::/8", False),
        ("fd00::5", 80, "10.0.0.0/8", False),
        ("10.1.2.3", 80, "fd00::/8", False),
        ("s3.example", 80, "10.0.0.0/8", False),
        ("10.1.2.3", 80, "10.0.0.0/99", False),
        ("10.1.2.3", 80, "10/8", False),
        ("10.1.2.3", 80, "/8", False),
        ("10.1.2.3", 80, "nonsense/8, 10.1.2.3", True),
    ],
)
def test_no_proxy_lists_hosts_addresses_networks_and_ports(host: str, port: int, no_proxy: str, exempt: bool) -> None:
    assert is_exempt(host, port, no_proxy) is exempt
