import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.protocol.address import Address, AddressMap


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.5:22122", Address("127.0.0.5", 22122)),
        ("tracker-1.example.com:1", Address("tracker-1.example.com", 1)),
        ("[::1]:22122", Address("::1", 22122)),
        ("[fe80::1%eth0]:65535", Address("fe80::1%eth0", 65535)),
    ],
)
def test_an_address_is_read_and_written_back(text: str, expected: Address) -> None:
    assert Address.parse(text) == expected
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not an address"),
        ("tracker", "names no port"),
        ("tracker:", "not an address"),
        (":22122", "not an address"),
        ("::1:22122", "in brackets"),
        ("[::1]", "names no port"),
        ("tracker:0", "has the port 0"),
        ("tracker:65536", "has the port 65536"),
        ("tracker:http", "not an address"),
        ("http://tracker:22122", "not an address"),
        (" tracker:1", "not an address"),
    ],
)
def test_anything_else_is_refused_with_the_text(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        Address.parse(text)
    assert repr(text) in str(refused.value)


@pytest.mark.slow
@given(st.text())
def test_reading_an_address_raises_nothing_but_value_errors(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("known_as", "reached_at"),
    [
        ("127.0.0.5:23000", "files.example.com:32300"),
        ("127.0.0.5:23001", "files.example.com:23001"),
        ("127.0.0.6:23000", "[::1]:9"),
        ("fe80::1:23000", "localhost:23000"),
        ("127.9.9.9:23000", "127.9.9.9:23000"),
    ],
)
def test_an_entry_with_a_port_wins_over_one_for_the_host(known_as: str, reached_at: str) -> None:
    address_map = AddressMap(
        {
            "127.0.0.5:23000": "files.example.com:32300",
            "127.0.0.5": "files.example.com",
            "127.0.0.6:23000": "[::1]:9",
            "[fe80::1]": "localhost",
        }
    )
    host, _, port = known_as.rpartition(":")
    assert str(address_map.reached_at(Address(host, int(port)))) == reached_at


def test_a_port_is_not_mapped_to_no_port() -> None:
    with pytest.raises(ValueError, match="'b' needs one too"):
        AddressMap({"a:1": "b"})
