"""The public face imports each name when it is first used."""

import subprocess
import sys

import pytest

from s3py_helper import storage


def test_every_public_name_is_there() -> None:
    assert sorted(storage.__all__) == storage.__all__
    for name in storage.__all__:
        assert getattr(storage, name).__name__ == name
    assert set(storage.__all__) <= set(dir(storage))


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Missing'"):
        _ = storage.Missing  # type: ignore[attr-defined]  # that is the point


def test_type_checkers_see_what_is_imported_when_used() -> None:
    homes = vars(storage)["_HOME_OF"]
    assert sorted(homes) == storage.__all__


def test_the_exceptions_come_without_the_settings() -> None:
    script = "import sys; from s3py_helper.storage import FileNotFoundException; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
