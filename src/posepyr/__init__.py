"""posepyr: 2D human pose estimation in PyTorch.

The public names are loaded when they are first used: importing posepyr loads neither Torch nor Lightning nor Hydra.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posepyr.codec import Codec
    from posepyr.inference.estimator import Estimator
    from posepyr.inference.protocol import Protocol
    from posepyr.records import Annotation, PoseBatch, Poses
    from posepyr.skeleton import Skeleton

__version__ = "0.2.0"

_PLACES = {
    "Annotation": "posepyr.records",
    "Codec": "posepyr.codec",
    "Estimator": "posepyr.inference.estimator",
    "PoseBatch": "posepyr.records",
    "Poses": "posepyr.records",
    "Protocol": "posepyr.inference.protocol",
    "Skeleton": "posepyr.skeleton",
}

__all__ = ["Annotation", "Codec", "Estimator", "PoseBatch", "Poses", "Protocol", "Skeleton", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'posepyr' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
