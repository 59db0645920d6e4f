"""The plan of a sweep: what would run, and what could not."""

from pathlib import Path

import pytest

from posepyr.cli.main import main

CFG = ["train", "--cfg", "job", "-m"]
TINY = ["experiment=demo", "trainer=cpu"]


def test_jobs_are_listed_by_what_varies_with_their_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*CFG, *TINY, "model.stacks=1,2", "trainer.max_epochs=2,5", "trainer.devices=2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "job  model.stacks  trainer.max_epochs  epochs  devices",
        "0    1             2                   2       2 cpu",
        "1    1             5                   5       2 cpu",
        "2    2             2                   2       2 cpu",
        "3    2             5                   5       2 cpu",
        "4 jobs, 14 epochs in all",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_by_name_and_hydras_settings_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--cfg", "all", "-m", *TINY, "sweep=prm_levels"]) == 0
    table, _, settings = capsys.readouterr().out.partition("hydra:\n")
    assert table.splitlines()[-1] == "3 jobs, 9 epochs in all"
    assert "model.block.levels: 3,4,5" in settings
    assert "dir: runs/${name}/multirun_" in settings


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model.stacks=1,x"], "job 1 (model.stacks=x): model.stacks must be int, got 'x'"),
        (["model.stacks=1,0", "seed=1"], "job 1 (model.stacks=0): model.stacks must be at least 1, got 0"),
        (
            ["checkpoint.monitor=val/pck,val/pkc,val/pck_"],
            "job 1 (checkpoint.monitor=val/pkc): checkpoint.monitor must be a score that the run takes, got 'val/pkc'",
        ),
        (["model.stakcs=1", "seed=1,2"], "posepyr: error: model.stakcs is no argument of"),
    ],
)
def test_a_job_that_is_wrong_is_named(capsys: pytest.CaptureFixture[str], overrides: list[str], expected: str) -> None:
    assert main([*CFG, *TINY, *overrides]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert expected in err
    assert err.count("\n") == (2 if "monitor" in expected else 1), "of all jobs once, of several each"


def test_a_job_without_an_end_has_no_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CFG, *TINY, "trainer.max_epochs=-1,4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 jobs, 4 epochs in all, but for 1 without max_epochs"


def test_of_another_sweeper_only_the_values_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    other = "hydra.sweeper._target_=somebody.Sweeper"
    assert main([*CFG, *TINY, other, "model.block.scale=interval(0.0,1.0)"]) == 2
    assert "model.block.scale is no argument" in capsys.readouterr().err
    assert main([*CFG, *TINY, other, "optimizer.lr=interval(0.001,0.1)"]) == 0
    assert "the sweeper chooses its jobs as it goes" in capsys.readouterr().out
