"""``posepyr evaluate``: its flags, and the evaluations that they start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.cli.arguments import parse
from posepyr.errors import UsageError

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

FLAGS = {"checkpoint": "CHECKPOINT", "split": "--split", "submission": "--submission"}
"""Arguments of the evaluation as they are called on the command line."""


def run(arguments: list[str]) -> int:
    """Score one checkpoint, once or under every combination of swept values."""
    own = ("--split", "--output", "--submission")
    request = parse(arguments, words=1, own=own, refused=("--rerun", "--resume", "--config-name"))
    if "help" in request.switches:
        print(HELP)
        return errors.COMPLETED
    if not request.words:
        raise UsageError("CHECKPOINT must be given: posepyr evaluate runs/NAME/DATE/checkpoints/best.ckpt")
    from posepyr.configuration.compose import Composer
    from posepyr.evaluation import evaluate
    from posepyr.evaluation.single_pass import Evaluation
    from posepyr.running.launch import claim
    from posepyr.sweeps.jobs import run_each

    split = request.values.get("split", "test")
    with errors_of_flags():
        checkpoint = evaluate.existing_checkpoint(request.words[0])
        evaluate.check_request(split, request.overrides)
    composer = Composer(*request.config)
    lines = composer.expand(request.overrides) if request.multirun else [request.overrides]
    jobs = [evaluate.compose_evaluation(composer, checkpoint, line) for line in lines]
    if request.cfg:
        print(jobs[0].text(request.cfg, "resolve" in request.switches), end="")
        return errors.COMPLETED
    submission = request.values.get("submission")
    if len(jobs) > 1 and submission:
        raise UsageError(f"--submission must come with one evaluation, got {len(jobs)} combinations of -m")

    def score(config: dict[str, Any], folder: Path, _overrides: list[str]) -> dict[str, float]:
        wanted = Path(submission) if submission else None
        with errors_of_flags():
            return evaluate.score_checkpoint(config, Evaluation(checkpoint, split, folder, wanted))

    folder = claim(Path(request.values.get("output") or evaluate.evaluation_folder(checkpoint)))
    return run_each(jobs, score, folder)


@contextmanager
def errors_of_flags() -> Iterator[None]:
    """Let errors about an argument of the evaluation name it as the command line does."""
    try:
        yield
    except UsageError as error:
        argument, space, rest = str(error).partition(" ")
        raise UsageError(FLAGS.get(argument, argument) + space + rest) from None
