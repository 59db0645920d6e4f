import json
from pathlib import Path

import pytest

from posepyr.training.wandb_log import make_wandb, wandb_mode

VARIABLES = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def run_folder(path: Path, name: str) -> Path:
    path.mkdir()
    (path / "run.json").write_text(json.dumps({"id": name}))
    return path


def test_without_a_key_runs_are_offline_and_say_why() -> None:
    mode, reason = wandb_mode()
    assert mode == "offline"
    assert "set WANDB_API_KEY" in reason


def test_a_key_or_a_wish_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert wandb_mode()[0] == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode()[0] == "disabled"


def test_a_key_in_the_netrc_file_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    (tmp_path / ".netrc").write_text(f"machine wandb.example.org login user password {'k' * 40}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert wandb_mode()[0] == "online"


def test_two_runs_of_one_process_are_two_runs(tmp_path: Path) -> None:
    for name, value in (("first", 1), ("second", 2)):
        logger = make_wandb(run_folder(tmp_path / name, name), name, {"seed": value})
        assert logger.experiment.id == name
        assert dict(logger.experiment.config) == {"seed": value}
        assert logger.experiment.settings.mode == "offline"
        logger.log_metrics({"loss": 1.0}, 0)
        logger.experiment.finish()
        assert list((tmp_path / name / "wandb").glob(f"offline-run-*-{name}/*.wandb"))


def test_a_network_that_is_away_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    logger = make_wandb(run_folder(tmp_path / "away", "away"), "away", {}, timeout=1)
    assert logger.experiment.settings.mode == "offline"
    assert "logging offline" in caplog.text
    logger.experiment.finish()
