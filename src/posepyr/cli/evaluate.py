"""``posepyr evaluate``: its flags, and the evaluations that they start."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.cli.arguments import Request, parse
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.configuration.compose import Composer, Job

HELP = """usage: posepyr evaluate CHECKPOINT [key=value ...] [flags]

Scores a trained network, of poses or of classes, on the data of its training or on others. Where the checkpoint lies
in its run folder, that run's configuration is what the overrides change; elsewhere the usual one.

flags, anywhere among the overrides:
  --split NAME       val or test (test if not given)
  --output DIR       where scores, predictions and pictures go
  --submission PATH  also write what the server of COCO or MPII (a file) or PoseTrack (a folder) takes
  -m, --multirun     score every combination of key=a,b,c
  --cfg job          print the configuration instead
  --config-dir DIR   a folder of your own configuration files, looked into first

examples:
  posepyr evaluate runs/train/2026-01-31_12-00-00/checkpoints/best.ckpt
  posepyr evaluate best.ckpt --split val data.batch_size=64 protocol=single
  posepyr evaluate best.ckpt -m data.source.difficulty=0,0.5,1"""

CARRIED = ("model", "classifier", "codec", "skeleton", "init", "data.input_size", "data.padding")
"""What a checkpoint brings, so that no override can change it."""

Scores = dict[str, float]


def run(arguments: list[str]) -> int:
    """Scores one checkpoint, once or under every combination of swept values."""
    own = ("--split", "--output", "--submission")
    request = parse(arguments, words=1, own=own, refused=("--rerun", "--resume", "--config-name"))
    if "help" in request.switches:
        print(HELP)
        return errors.COMPLETED
    checkpoint = _checkpoint(request)
    _check_overrides(request.overrides)
    split = request.values.get("split", "test")
    if split not in ("val", "test"):
        raise UsageError(f"--split must be val or test, got {split!r}")
    from posepyr.configuration.compose import Composer
    from posepyr.running.launch import claim
    from posepyr.sweeps.jobs import run_each

    jobs = _evaluations(Composer(*request.config), request, checkpoint)
    if request.cfg:
        print(jobs[0].text(request.cfg, "resolve" in request.switches), end="")
        return errors.COMPLETED
    if len(jobs) > 1 and "submission" in request.values:
        raise UsageError(f"--submission must come with one evaluation, got {len(jobs)} combinations of -m")

    def task(config: dict[str, Any], folder: Path, _overrides: list[str]) -> Scores:
        from posepyr.evaluation.poses import evaluate

        submission = request.values.get("submission")
        return evaluate(config, checkpoint, split, folder, Path(submission) if submission else None)

    folder = claim(Path(request.values.get("output") or _evaluation_folder(checkpoint)))
    return run_each(jobs, task, folder)


def _checkpoint(request: Request) -> Path:
    if not request.words:
        raise UsageError("CHECKPOINT must be given: posepyr evaluate runs/NAME/DATE/checkpoints/best.ckpt")
    path = Path(request.words[0])
    if not path.is_file():
        raise UsageError(f"CHECKPOINT must be a file that posepyr wrote, got {request.words[0]!r}, which is none")
    return path


def _run_folder(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint lies in, if it does."""
    folder = checkpoint.absolute().parent.parent
    return folder if (folder / "config.yaml").is_file() and checkpoint.absolute().parent != folder else None


def _check_overrides(overrides: Sequence[str]) -> None:
    """Refuse what would be ignored: a checkpoint knows its network, its codec and its crop."""
    for override in overrides:
        key = override.partition("=")[0].lstrip("+~")
        if key.split(".")[0] in CARRIED or key in CARRIED:
            raise UsageError(f"{key} must be left out: the checkpoint has its own, which is used; got {override!r}")


def _evaluations(composer: "Composer", request: Request, checkpoint: Path) -> list["Job"]:
    """The configurations to score under; with -m one for each combination, all checked."""
    lines = composer.expand(request.overrides) if request.multirun else [request.overrides]
    folder = _run_folder(checkpoint)
    if folder is None:
        return [composer.job(line) for line in lines]
    return [composer.stored(folder, line, swap=True) for line in lines]


def _evaluation_folder(checkpoint: Path) -> Path:
    where = _run_folder(checkpoint) or Path("runs")
    return where / "evaluation" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
