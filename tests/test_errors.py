import math

import pytest

from posepyr import errors
from posepyr.errors import UsageError
from posepyr.skeleton import Skeleton


def caught(function: object, *arguments: object) -> Exception:
    assert callable(function)
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("it should have failed")


def test_exit_codes() -> None:
    assert errors.exit_code(UsageError("x")) == 2
    assert errors.exit_code(ValueError("x")) == 1
    assert errors.exit_code(KeyboardInterrupt()) == 130


def test_our_own_errors_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(errors.TRACEBACK, raising=False)
    error = caught(Skeleton, "hand", ("a", "a"))
    errors.report(error)
    assert capsys.readouterr().err == f"posepyr: error: {error}\n"
    monkeypatch.setenv(errors.TRACEBACK, "1")
    errors.report(error)
    assert "Traceback" in capsys.readouterr().err


def test_other_peoples_errors_show_where_they_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(errors.TRACEBACK, raising=False)
    errors.report(caught(math.sqrt, -1))
    assert "Traceback" in capsys.readouterr().err
