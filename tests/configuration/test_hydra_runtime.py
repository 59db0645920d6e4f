import os
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from hydra.experimental.callback import Callback

from posepyr.configuration.compose import Composer
from posepyr.configuration.hydra_runtime import job_environment


class Recorder(Callback):
    """What Hydra tells of a job: its status at its end."""

    notes: ClassVar[list[str]] = []

    def on_job_start(self, **_: object) -> None:
        self.notes.append("start")

    def on_job_end(self, *, job_return: object, **_: object) -> None:
        self.notes.append(job_return.status.name)


RECORDER = f"+hydra.callbacks.recorder={{_target_: {__name__}.Recorder}}"


def test_hydras_own_settings_hold_while_the_job_runs(conf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    settings = ["+hydra.job.env_set={MARK: 'yes'}", "hydra.job.chdir=true", "hydra.output_subdir=.hydra"]
    job = Composer().job([f"hydra.run.dir={folder}", *settings, "seed=3"])
    assert job.folder == folder
    with job_environment(job, folder) as seen:
        assert (os.environ["MARK"], Path.cwd(), seen) == ("yes", folder, folder)
        assert job.composed.hydra.runtime.output_dir == str(folder)
    assert "MARK" not in os.environ
    assert Path.cwd() == tmp_path
    written = {path.stem: yaml.safe_load(path.read_text()) for path in (folder / ".hydra").iterdir()}
    assert written["config"]["seed"] == 3
    assert written["overrides"] == ["seed=3"]
    assert written["hydra"]["hydra"]["job"]["chdir"] is True


def test_callbacks_hear_how_a_job_ends(conf: Path, tmp_path: Path) -> None:
    job = Composer().job([RECORDER])
    with job_environment(job, tmp_path):
        assert Recorder.notes == ["start"]
    with pytest.raises(ValueError, match="failed"), job_environment(job, tmp_path):
        raise ValueError("failed")
    assert Recorder.notes == ["start", "COMPLETED", "start", "FAILED"]


def test_job_logging_is_configured(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        with job_environment(Composer().job(["hydra/job_logging=stdout"]), tmp_path):
            logging.getLogger("of a job").info("a line")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert "a line" in capsys.readouterr().out
