"""Weights by their names: a checkpoint's network with its weights in place, and weights to begin a training with."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from posepyr.checkpoints.parts import Due, build_part
from posepyr.checkpoints.recipe import KEYS, is_classifier, read_classifier_recipe, read_recipe, shown
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.initialisation.schemes import Normal, Scheme

PREFIX = "model."
"""Beginning of the keys of a network's weights in a checkpoint."""

SHOWN = 8
"""How many keys of a kind are named."""

MISFIT = "the weights do not fit the recipe's model"

State = Mapping[str, Tensor]


class Report(NamedTuple):
    """A file's keys held against a network's, by the file's names; ``missing`` by the network's, or as callers say."""

    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]
    """With both shapes."""
    left_out: Sequence[str] = ()
    """A classifier's, which a pose network has no use for."""
    counters: Sequence[str] = ()
    """Missing counters of batch norms, set to 0."""

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} matched"]
        for name in ("missing", "unexpected", "reshaped"):
            keys: list[str] = getattr(self, name)
            more = ", ..." if len(keys) > SHOWN else ""
            parts.append(f"{len(keys)} {name}" + (f" ({', '.join(keys[:SHOWN])}{more})" if keys else ""))
        return ", ".join(parts)

    @property
    def complete(self) -> bool:
        """True where each weight has its place and each place its weight."""
        return not (self.missing or self.unexpected or self.reshaped)


def compare(state: State, expected: State, file_names: Mapping[str, str] | None = None) -> Report:
    """Hold a file's weights, under the network's own names, against those that the network has.

    ``file_names`` are their names in the file, where they are others.
    """
    report = Report([], [key for key in expected if key not in state], [], [])
    for key, value in state.items():
        name = key if file_names is None else file_names[key]
        if key not in expected:
            report.unexpected.append(name)
        elif expected[key].shape != value.shape:
            report.reshaped.append(f"{name} is {spell_shape(value)}, not {spell_shape(expected[key])}")
        else:
            report.matched.append(name)
    return report


def spell_shape(tensor: Tensor) -> str:
    """Return a tensor's shape as ``64 x 3 x 3 x 3``."""
    return " x ".join(map(str, tensor.shape)) or "a single number"


def load_model(
    checkpoint: str | Path | Mapping[str, Any], trust: Sequence[str] = (), where: str = "the checkpoint"
) -> nn.Module:
    """Return the bare network of a checkpoint with its weights, in evaluation mode.

    A pose network takes pixels ``B 3 H W`` (uint8) and gives a tuple of heatmaps, the last one the prediction; a
    classifier gives a score for each class. ``checkpoint`` is a file, or what was read of one, which ``where`` names in
    errors. The recipe inside may only name classes of posepyr's, and of the packages in ``trust``.
    """
    if isinstance(checkpoint, str | Path):
        where, checkpoint = str(checkpoint), read_checkpoint(Path(checkpoint))
    classifier = is_classifier(checkpoint)
    due: Due = "classifier" if classifier else "model"
    node = (read_classifier_recipe if classifier else read_recipe)(checkpoint, where).model
    weights = network_weights(checkpoint, where)
    model = _build_within(node, due, weights, where, trust)
    report = compare(weights, model.state_dict())
    if not report.complete:
        raise ValueError(f"{where}: {MISFIT}: {report}")
    model.load_state_dict(weights)
    return model.eval()


def network_weights(content: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """Return the network's weights in a loaded checkpoint by the network's own names."""
    state = content.get("state_dict")
    if not isinstance(state, Mapping):
        raise ValueError(f"{where} must hold a network's weights under state_dict, got {shown(state)}")
    weights = {str(key): value for key, value in state.items() if str(key).startswith(PREFIX)}
    for key, value in weights.items():
        # A tensor may repeat few stored numbers over a huge shape; a network's copy of it would hold them all.
        whole = isinstance(value, Tensor) and value.layout == torch.strided
        if not whole or value.nbytes > value.untyped_storage().nbytes():
            raise ValueError(f"{where}: state_dict must hold whole tensors, got another value under {shown(key)}")
    return {key.removeprefix(PREFIX): value for key, value in weights.items()}


def _build_within(node: Any, due: Due, weights: State, where: str, trust: Sequence[str]) -> nn.Module:
    """Build a recipe's network, which may not be larger than the weights that belong to it."""

    def build() -> nn.Module:
        with _limited(weights):
            model: nn.Module = build_part(node, due, where, trust)
        return model

    if str(node.get("_target_")).startswith("posepyr."):
        # Without memory first. Networks of other packages may not be able to, as where they compute with tensors.
        with torch.device("meta"):
            build()
    return build()


@contextmanager
def _limited(weights: State) -> Iterator[None]:
    """Raise ValueError as soon as the network built inside has more parameters or far more modules than weights."""
    # A storage counts once, however many tensors look at it.
    stored = {
        value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() // value.itemsize
        for value in weights.values()
    }
    parameters, modules = sum(stored.values()), 1000 + 10 * len(weights)
    seen: set[int] = set()
    counts = {"numbers": 0, "modules": 0}

    def count_parameter(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> None:
        if parameter is None or id(parameter) in seen:
            return
        seen.add(id(parameter))
        counts["numbers"] += parameter.numel()
        if counts["numbers"] > parameters:
            raise ValueError(f"{MISFIT}: they hold {parameters:,} numbers, it takes more")

    def count_module(_module: nn.Module, _name: str, _inner: nn.Module | None) -> None:
        counts["modules"] += 1
        if counts["modules"] > modules:
            raise ValueError(f"{MISFIT}: they are {len(weights)}, it has more than {modules:,} modules")

    hooks = [
        register_module_parameter_registration_hook(count_parameter),
        register_module_module_registration_hook(count_module),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class Beginning(NamedTuple):
    """The weights that a network took over, and how the others begin."""

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

    def require_file(self) -> None:
        """Raise unless the file is there, before anything of a run is made."""
        path = Path(self.file)
        if not path.is_file():
            raise ValueError(
                f"file must be a checkpoint that is there, got {path.absolute()}; posepyr convert makes one of "
                "released weights, experiment=imagenet/... trains one, and POSEPYR_WEIGHTS names the folder that "
                "recipes look in"
            )

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> Beginning:
        self.require_file()
        state = _read_pretrained(Path(self.file))
        report = compare(state, model.state_dict())
        _check_parts(model, report, self.file)
        self.rest(model, generator)
        model.load_state_dict({key: state[key] for key in report.matched}, strict=False)
        return Beginning(self.file, report, self.rest)


def _read_pretrained(path: Path) -> dict[str, Tensor]:
    content = read_checkpoint(path)
    if not KEYS & content.keys():
        raise ValueError(
            f"file must be a checkpoint that posepyr wrote, got {path}; posepyr convert makes one of released weights"
        )
    return network_weights(content, str(path))


def _check_parts(model: nn.Module, report: Report, file: str) -> None:
    parts: tuple[str, ...] = getattr(model, "pretrained_parts", ())
    name = type(model).__name__
    unmatched = set(model.state_dict()) - set(report.matched)
    missing = sorted(key for key in unmatched if key.split(".")[0] in parts)
    if missing:
        raise ValueError(
            f"file must hold all weights of {', '.join(parts)} of {name}, got {file}, which lacks {len(missing)} "
            f"as {missing[0]}: {report}; take a classifier or a pose network of the same family and size"
        )
    if not report.matched:
        raise ValueError(f"file must hold weights of {name}, got {file}, of which none fits: {report}")
