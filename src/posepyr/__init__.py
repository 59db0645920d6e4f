"""posepyr: 2D human pose estimation in PyTorch.

The public names are loaded when they are first used: importing posepyr loads neither Torch nor Lightning nor Hydra.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posepyr.checkpoints.weights import load_model
    from posepyr.codec import Codec
    from posepyr.configuration.catalogue import list_experiments
    from posepyr.configuration.compose import compose
    from posepyr.configuration.networks import model
    from posepyr.evaluation.evaluate import EvaluationResult, evaluate
    from posepyr.inference.estimator import Estimator
    from posepyr.inference.protocol import Protocol
    from posepyr.records import Annotation, PoseBatch, Poses
    from posepyr.running.launch import TrainingResult, train
    from posepyr.skeleton import Skeleton

__version__ = "0.2.0"

_MODULES = {
    "Annotation": "posepyr.records",
    "Codec": "posepyr.codec",
    "Estimator": "posepyr.inference.estimator",
    "EvaluationResult": "posepyr.evaluation.evaluate",
    "PoseBatch": "posepyr.records",
    "Poses": "posepyr.records",
    "Protocol": "posepyr.inference.protocol",
    "Skeleton": "posepyr.skeleton",
    "TrainingResult": "posepyr.running.launch",
    "compose": "posepyr.configuration.compose",
    "evaluate": "posepyr.evaluation.evaluate",
    "list_experiments": "posepyr.configuration.catalogue",
    "load_model": "posepyr.checkpoints.weights",
    "model": "posepyr.configuration.networks",
    "train": "posepyr.running.launch",
}
"""The module of each public name."""

__all__ = [
    "Annotation",
    "Codec",
    "Estimator",
    "EvaluationResult",
    "PoseBatch",
    "Poses",
    "Protocol",
    "Skeleton",
    "TrainingResult",
    "__version__",
    "compose",
    "evaluate",
    "list_experiments",
    "load_model",
    "model",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'posepyr' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
