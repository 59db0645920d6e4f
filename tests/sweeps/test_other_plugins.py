"""Sweeps under Hydra's other sweepers and launchers, as they install today."""

from pathlib import Path

import pytest
import yaml

from support.sweeping import command, finish, sweep

SEARCH = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=2", "hydra.sweeper.sampler.seed=1"]


def test_optuna_searches_an_interval_with_jobs_side_by_side(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="pip install 'posepyr[optuna]' brings it")
    interval = "optimizer.lr=interval(0.0001,0.01)"
    code, said = finish(command(*sweep(*SEARCH, interval), folder=tmp_path))
    assert code == 0, said
    best = yaml.safe_load((tmp_path / "all/optimization_results.yaml").read_text())
    scores = {}
    for number in range(3):
        folder = tmp_path / "all" / str(number)
        rate = yaml.safe_load((folder / "config.yaml").read_text())["optimizer"]["lr"]
        scores[rate] = yaml.safe_load((folder / "metrics.json").read_text())["best/val/pck"]
    assert len(scores) == 3
    assert best["best_value"] == max(scores.values()), "PCK is to be large"
    assert scores[best["best_params"]["optimizer.lr"]] == best["best_value"]
    wrong = command(*sweep(*SEARCH, interval, "hydra.sweeper.direction=minimize"), folder=tmp_path)
    code, said = finish(wrong)
    assert (code, "hydra.sweeper.direction must be maximize, as checkpoint.mode=max says" in said) == (2, True), said


def test_a_failure_under_joblib_is_told_and_counts(tmp_path: Path) -> None:
    pytest.importorskip("joblib", reason="pip install 'posepyr[joblib]' brings it")
    code, said = finish(command(*sweep("seed=1,-2", "hydra/launcher=joblib"), folder=tmp_path))
    assert code == 1, said
    assert "job 0: " in said
    assert "job 1: " in said
    assert "-2 is not in bounds" in said
    assert (tmp_path / "all/0/metrics.json").is_file()
