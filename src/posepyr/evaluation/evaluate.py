"""The evaluation of a checkpoint on a split, by the protocol of its training or another."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from posepyr.checkpoints.recipe import is_classifier
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.configuration.compose import Composer, Job
from posepyr.configuration.networks import Config
from posepyr.errors import UsageError
from posepyr.evaluation.classifier import evaluate_classifier
from posepyr.evaluation.poses import evaluate_poses
from posepyr.evaluation.single_pass import Evaluation
from posepyr.running.launch import claim, claim_empty
from posepyr.training.process_state import unchanged_process_state

SPLITS = ("val", "test")

CARRIED = ("model", "classifier", "codec", "skeleton", "init", "data.input_size", "data.padding")
"""What a checkpoint brings, so that no override can change it."""


class EvaluationResult(NamedTuple):
    """The scores of a checkpoint, and the folder with what shows how they came about."""

    scores: dict[str, float]
    """Shares of 1 by name, as ``test/pckh`` and ``test/pckh/wrist``."""
    folder: Path
    """Holds scores, predictions, error curves and the worst of the predictions, drawn."""


def evaluate(
    checkpoint: str | Path,
    overrides: Sequence[str] = (),
    split: str = "test",
    folder: str | Path | None = None,
    submission: str | Path | None = None,
    verbose: bool = False,
    config_dir: str | Path | None = None,
) -> EvaluationResult:
    """Score a checkpoint, of a pose network or of a classifier, on the data of its training or on others.

    Where the checkpoint lies in its run folder, that run's configuration is what ``overrides`` change, such as
    ``["protocol=single", "data.batch_size=64"]``; elsewhere the usual one. ``split`` is ``val`` or ``test``. Files go
    to a new folder beside the checkpoints, or to ``folder``, which must be new or empty; with ``submission`` the
    predictions are also written as the server of COCO or MPII (a file) or of PoseTrack (a folder) takes them.
    ``config_dir`` is a folder of configuration files that is looked into first. Prints nothing unless ``verbose``.
    """
    path = existing_checkpoint(checkpoint)
    check_request(split, overrides)
    with unchanged_process_state():
        config = compose_evaluation(Composer(config_dir), path, overrides).config
        results = claim(evaluation_folder(path)) if folder is None else claim_empty(Path(folder))
        submitted = None if submission is None else Path(submission)
        return EvaluationResult(score_checkpoint(config, Evaluation(path, split, results, submitted, verbose)), results)


def existing_checkpoint(checkpoint: str | Path) -> Path:
    """Return the path of a checkpoint, if a file is there."""
    path = Path(checkpoint)
    if not path.is_file():
        raise UsageError(f"checkpoint must be a file that posepyr wrote, got {str(checkpoint)!r}, which is none")
    return path


def check_request(split: str, overrides: Sequence[str]) -> None:
    """Refuse unknown splits, and overrides without effect: a checkpoint knows its network, its codec and its crop."""
    if split not in SPLITS:
        raise UsageError(f"split must be {' or '.join(SPLITS)}, got {split!r}")
    for override in overrides:
        key = override.partition("=")[0].lstrip("+~")
        if key.split(".")[0] in CARRIED or key in CARRIED:
            raise UsageError(f"{key} must be left out: the checkpoint has its own, which is used; got {override!r}")


def compose_evaluation(composer: Composer, checkpoint: Path, overrides: Sequence[str]) -> Job:
    """Return the checked configuration to score under: the checkpoint's run's, or else the usual one, overridden."""
    folder = _run_folder(checkpoint)
    return composer.job(overrides) if folder is None else composer.stored(folder, overrides, swap=True)


def score_checkpoint(config: Config, evaluation: Evaluation) -> dict[str, float]:
    """Score a checkpoint on ``config``'s data; scores and what shows how they came about go to the folder."""
    content = read_checkpoint(evaluation.checkpoint)
    if not is_classifier(content):
        return evaluate_poses(config, content, evaluation)
    if evaluation.submission is not None:
        raise UsageError(f"submission must come with a pose network, got {evaluation.checkpoint}, a classifier")
    return evaluate_classifier(config, content, evaluation)


def evaluation_folder(checkpoint: Path) -> Path:
    """Return the usual folder for results: beside the checkpoints of the run, with the date and time."""
    where = _run_folder(checkpoint) or Path("runs")
    return where / "evaluation" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def _run_folder(checkpoint: Path) -> Path | None:
    """Return the run folder that a checkpoint lies in, if it does."""
    folder = checkpoint.absolute().parent.parent
    return folder if (folder / "config.yaml").is_file() else None
