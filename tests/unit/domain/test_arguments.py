"""Arguments that callers get wrong."""

from math import inf, nan

import pytest

from s3py_helper.domain.arguments import require_amount
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 7, 2**70])
def test_an_amount_is_a_number(value: float) -> None:
    assert require_amount(value, "seconds") is value


@pytest.mark.parametrize("value", [-1, -0.1, inf, -inf, nan, True, "1", None])
def test_what_is_no_amount_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(InvalidArgumentException, match="seconds"):
        require_amount(value, "seconds")


def test_a_message_quotes_what_was_given_up_to_120_characters() -> None:
    assert shortened("a\n" + "x" * 118) == repr("a\n" + "x" * 118)
    assert shortened("x" * 121) == repr("x" * 120 + "…")
    assert shortened([1], 2) == "'[1…'"
