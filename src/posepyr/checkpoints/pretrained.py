"""Weights to begin a training with: those of a network that is trained already, wherever they fit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from posepyr.checkpoints.matching import Report, compare
from posepyr.checkpoints.recipe import KEYS
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.initialisation.schemes import Normal, Scheme

PREFIX = "model."
"""Of a network's weights in a checkpoint."""


class Beginning(NamedTuple):
    """Which weights a network took over, and how the others begin."""

    file: str
    report: Report
    rest: Scheme

    def __str__(self) -> str:
        return f"{self.file}: {self.report}; what is not matched begins as {self.rest}"


@dataclass(frozen=True)
class Pretrained:
    """The weights and running statistics of a posepyr checkpoint, a classifier's or a pose network's, by name and size.

    A network's ``pretrained_parts`` names the modules that its family's classifiers have too: all of their weights have
    to be in the file, whereas heads may differ. Of a network that names none, some weight has to be. ``rest`` is the
    scheme for what the file has not, by default that of HRNet's release.
    """

    file: str
    rest: Scheme = field(default_factory=Normal)

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> Beginning:
        state = read_state(Path(self.file))
        report = compare(state, model.state_dict())
        _check(model, report, self.file)
        self.rest(model, generator)
        model.load_state_dict({key: state[key] for key in report.matched}, strict=False)
        return Beginning(self.file, report, self.rest)


def read_state(path: Path) -> dict[str, Tensor]:
    """A network's weights by the network's own names."""
    if not path.is_file():
        raise ValueError(
            f"init.file must be a checkpoint that is there, got {path.absolute()}; posepyr convert makes one of "
            "released weights, experiment=imagenet/... trains one, and POSEPYR_WEIGHTS names the folder that recipes "
            "look in"
        )
    content = read_checkpoint(path)
    if not KEYS & content.keys():
        raise ValueError(
            f"init.file must be a checkpoint that posepyr wrote, got {path}; "
            "posepyr convert makes one of released weights"
        )
    state = content.get("state_dict", {})
    return {key.removeprefix(PREFIX): value for key, value in state.items() if key.startswith(PREFIX)}


def _check(model: nn.Module, report: Report, file: str) -> None:
    parts: tuple[str, ...] = getattr(model, "pretrained_parts", ())
    name = type(model).__name__
    lacking = set(model.state_dict()) - set(report.matched)
    wanting = sorted(key for key in lacking if key.split(".")[0] in parts)
    if wanting:
        raise ValueError(
            f"init.file must hold all weights of {', '.join(parts)} of {name}, got {file}, which lacks {len(wanting)} "
            f"as {wanting[0]}: {report}; take a classifier or a pose network of the same family and size"
        )
    if not report.matched:
        raise ValueError(f"init.file must hold weights of {name}, got {file}, of which none fits: {report}")
