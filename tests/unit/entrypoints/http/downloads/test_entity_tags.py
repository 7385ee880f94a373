"""Lists of entity tags, by the grammar of RFC 9110, 8.8.3 and 5.6.1."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.entrypoints.http.downloads.entity_tags import parse_entity_tags, same_strongly, same_weakly

opaque_tags = st.text(st.characters(codec="latin-1", exclude_characters='"\x7f', min_codepoint=0x21), max_size=8)
tags = st.builds('{}"{}"'.format, st.sampled_from(["", "W/"]), opaque_tags.filter(lambda tag: not _has_control(tag)))
gaps = st.text(" \t,", max_size=4)


def _has_control(text: str) -> bool:
    return re.search(r"[\x00-\x20\x7f]", text) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a"', ('"a"',)),
        ('W/"a"', ('W/"a"',)),
        ('"a", "b"', ('"a"', '"b"')),
        ('"a","b"', ('"a"', '"b"')),
        (' "a"\t,\t"b" ', ('"a"', '"b"')),
        (',, "a", ,"b",', ('"a"', '"b"')),
        ('"a,b"', ('"a,b"',)),
        ('"W/"', ('"W/"',)),
        ('""', ('""',)),
        ('"\xe9"', ('"\xe9"',)),
        ("", ()),
        (" , ,", ()),
        ("a", ()),
        ('"a', ()),
        ('a"', ()),
        ('"a" "b"', ()),
        ('"a""b"', ()),
        ('junk "a"', ()),
        ('"a", junk', ()),
        ('"a" junk', ()),
        ('w/"a"', ()),
        ('W/ "a"', ()),
        ("W/", ()),
        ('"a b"', ()),
        ('"a\x7f"', ()),
        ('"a\x00"', ()),
        ('"a"\n', ()),
        ("'a'", ()),
        ('*, "a"', ()),
    ],
)
def test_a_list_is_parsed_or_has_no_tags(text: str, expected: tuple[str, ...]) -> None:
    assert parse_entity_tags(text) == expected


@pytest.mark.slow
@given(st.lists(tags, max_size=6), st.data())
def test_every_list_reads_back(listed: list[str], data: st.DataObject) -> None:
    text = data.draw(gaps) + "".join(f"{tag},{data.draw(gaps)}" for tag in listed)
    assert parse_entity_tags(text) == tuple(listed)


@given(st.lists(tags, min_size=1, max_size=3), st.integers(0, 30), st.sampled_from(["x", ' "', "W", '"', "\x00", "é"]))
def test_junk_anywhere_outside_a_tag_makes_the_list_void(listed: list[str], at: int, junk: str) -> None:
    text = ", ".join(listed)
    spoilt = text[:at] + junk + text[at:]
    elements = list(parse_entity_tags(spoilt))
    # Inside a tag, most characters are part of it; else nothing is left.
    assert elements == [] or ", ".join(elements) == spoilt


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", [" " * 60_000 + "x", "," * 60_000 + "x", '"' + "a" * 60_000, '"a",' * 15_000 + "x"])
def test_long_junk_takes_no_time(text: str) -> None:
    assert parse_entity_tags(text) == ()


# The table of RFC 9110, 8.8.3.2.
@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
        ('"1"', '"2"', False, False),
    ],
)
def test_tags_are_compared_strongly_or_weakly(one: str, other: str, *, strongly: bool, weakly: bool) -> None:
    assert (same_strongly(one, other), same_weakly(one, other)) == (strongly, weakly)
    assert (same_strongly(other, one), same_weakly(other, one)) == (strongly, weakly)
