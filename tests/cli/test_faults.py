import math

import pytest

from posepyr.cli import faults
from posepyr.cli.faults import UsageError
from posepyr.skeleton import Skeleton


def caught(function: object, *arguments: object) -> Exception:
    assert callable(function)
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("it should have failed")


def test_exit_codes() -> None:
    assert faults.exit_code(UsageError("x")) == 2
    assert faults.exit_code(ValueError("x")) == 1
    assert faults.exit_code(KeyboardInterrupt()) == 130


def test_our_own_errors_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(faults.TRACEBACK, raising=False)
    error = caught(Skeleton, "hand", ("a", "a"))
    faults.report(error)
    assert capsys.readouterr().err == f"posepyr: error: {error}\n"
    monkeypatch.setenv(faults.TRACEBACK, "1")
    faults.report(error)
    assert "Traceback" in capsys.readouterr().err


def test_other_peoples_errors_show_where_they_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(faults.TRACEBACK, raising=False)
    faults.report(caught(math.sqrt, -1))
    assert "Traceback" in capsys.readouterr().err
