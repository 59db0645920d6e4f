from importlib import metadata
from pathlib import Path

import pytest

from posepyr.cli import doctor
from posepyr.cli.doctor import Check
from posepyr.errors import UsageError


def test_versions_are_held_against_what_is_asked_for() -> None:
    found = list(doctor.check_packages((">=3.99", ["pytest>=1", "pytest<1", "surely-not-installed>=2"])))
    assert [check.state for check in found] == ["problem", "ok", "problem", "problem"]
    assert found[1].text == metadata.version("pytest")
    assert "<1 is needed" in found[2].text
    assert found[3].remedy == "pip install 'surely-not-installed>=2'"


def test_what_is_asked_for_is_the_projects_own_list() -> None:
    python, lines = doctor.requirements()
    assert python.startswith(">=3.11")
    assert any(line.startswith("torch>") for line in lines)
    assert not any("pytest" in line for line in lines), "extras are not needed to train"


def test_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSEPYR_DATA", raising=False)
    assert doctor.check_data().state == "warning"
    (tmp_path / "data" / "mpii").mkdir(parents=True)
    assert doctor.check_data().text.endswith(": mpii")
    monkeypatch.setenv("POSEPYR_DATA", str(tmp_path / "nowhere"))
    assert (doctor.check_data().state, bool(doctor.check_data().remedy)) == ("problem", True)


def test_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 50e9})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert doctor.check_disk(tmp_path / "runs" / "deep").state == "ok"
    usage.free = 5e9
    assert doctor.check_disk(tmp_path).state == "warning"
    usage.free = 0.1e9
    assert (doctor.check_disk(tmp_path).state, bool(doctor.check_disk(tmp_path).remedy)) == ("problem", True)
    (tmp_path / "file").touch()
    assert doctor.check_disk(tmp_path / "file").state == "problem"


@pytest.mark.parametrize(
    ("states", "code"),
    [(["ok", "ok"], 0), (["ok", "warning", "ok"], 0), (["problem", "ok", "warning"], 1), (["warning", "problem"], 1)],
)
def test_the_exit_code_is_that_of_the_worst(
    states: list[doctor.State], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "checks", lambda: iter([Check(state, "x", "y", "z") for state in states]))
    assert doctor.run([]) == code
    assert capsys.readouterr().out.count("-> z") == len(states)


def test_it_takes_no_arguments() -> None:
    with pytest.raises(UsageError, match="unrecognized arguments: x; see posepyr doctor --help"):
        doctor.run(["x"])
