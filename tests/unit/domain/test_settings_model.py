"""What every group of settings does with wrong and misspelt values."""

import logging
import pickle
from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import BaseModel, Field, ValidationError

from s3py_helper.domain.checked_model import CheckedModel
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.settings_model import SettingsModel
from s3py_helper.domain.spelling import unknown_name

SECRET = "wJalrXUtnFEMI"


class Tuning(SettingsModel):
    former_settings: ClassVar[Mapping[str, str]] = {"queue_size": "it is chosen by itself"}

    retries: int = Field(default=2, ge=0)


class Connection(SettingsModel, defer_build=True):
    address: str
    secret_key: str | None = None
    names: list[str] = Field(default_factory=list)
    trust: bool | float = True
    tuning: Tuning | None = None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Connection: address: Field required"),
        ({"address": 3}, "Connection: address: Input should be a valid string"),
        ({"address": "a", "adress": "b"}, "Connection: adress: there is no such setting, did you mean address?"),
        (
            {"address": "a", "Secret-Key": SECRET},
            "Connection: Secret-Key: there is no such setting, did you mean secret_",
        ),
        ({"address": "a", "tuning": {"retrys": 1}}, "tuning.retrys: there is no such setting, did you mean retries?"),
        (
            {"address": "a", "tuning": {"retries": -1}},
            "Connection: tuning.retries: Input should be greater than or equal",
        ),
        ({"address": "a", "tuning": {"x": 1}}, "Connection: tuning.x: there is no such setting; there are retries"),
        ({"address": "a", "tuning": 5}, "Connection: tuning: Input should be a valid dictionary or instance of Tuning"),
        ({"address": "a", "names": ["b", 3]}, "Connection: names[1]: Input should be a valid string"),
        ({"address": "a", "trust": "x"}, "Connection: trust: Input should be a valid boolean.*, or: Input should be a"),
        ({"secret_key": [SECRET]}, "address: Field required; secret_key: Input should be a valid string"),
    ],
)
def test_a_wrong_value_is_named_in_one_line_and_not_shown(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgumentException, match=message.replace("[", r"\[").replace("?", r"\?")) as refused:
        Connection(**values)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_refused_value_is_a_value_error_as_everywhere_in_python() -> None:
    with pytest.raises(ValueError, match="address"):
        Connection()  # type: ignore[call-arg]  # that is the point


def test_inside_other_models_an_error_keeps_its_place() -> None:
    class Whole(BaseModel):
        connection: Connection

    with pytest.raises(ValidationError) as refused:
        Whole.model_validate({"connection": {"address": "a", "tuning": {"retries": -1}}})
    assert refused.value.errors()[0]["loc"] == ("connection", "tuning", "retries")


def test_a_former_setting_has_no_effect_and_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    given = {"retries": 1, "queue_size": 16}
    with caplog.at_level(logging.WARNING):
        assert Tuning(**given) == Tuning(retries=1)
    assert caplog.messages == ["Tuning.queue_size has no effect: it is chosen by itself"]
    assert given == {"retries": 1, "queue_size": 16}


def test_settings_can_be_copied_and_sent_to_other_processes() -> None:
    connection = Connection(address="a", tuning=Tuning(retries=1))
    assert pickle.loads(pickle.dumps(connection)) == connection == connection.model_copy()
    assert Connection.model_validate_json(connection.model_dump_json()) == connection


def test_models_that_are_no_settings_ignore_what_they_do_not_know() -> None:
    class Entry(CheckedModel):
        name: str

    assert Entry.model_validate({"name": "a", "more": 1}) == Entry(name="a")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("adress", "did you mean address?"),
        ("ADDRESS", "did you mean address?"),
        ("read-timeout", "did you mean read_timeout?"),
        ("bucket", "did you mean buckets?"),
        ("zzz", "there are address, read_timeout, connect_timeout, buckets"),
        ("timeout", "did you mean read_timeout or connect_timeout?"),
    ],
)
def test_the_nearest_names_are_suggested(written: str, said: str) -> None:
    known = ["address", "read_timeout", "connect_timeout", "buckets"]
    assert unknown_name(written, known).endswith(said)


def test_of_many_names_that_are_alike_two_are_suggested() -> None:
    assert unknown_name("name", ["name1", "name2", "name3"]).endswith("did you mean name3 or name2?")


def test_without_any_known_name_nothing_is_suggested() -> None:
    assert unknown_name("x", [], see="the manual") == "there is no such setting; the manual lists all"
