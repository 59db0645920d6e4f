"""Released files on disk: the weights of other projects, read without running code, and unwrapped."""

import pickle
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from posepyr.checkpoints.recipe import KEYS
from posepyr.checkpoints.storage import read_checkpoint


class _Kind:
    """Stands for numpy's ``dtype`` in a file: a number of 4 or 8 bytes."""

    def __init__(self, code: str, *_copying: bool) -> None:
        if code not in NUMBERS:
            raise pickle.UnpicklingError(f"numpy's numbers must be of {', '.join(NUMBERS)}, got {code!r}")
        self.code, self.order = NUMBERS[code], "<"

    def __setstate__(self, state: Sequence[Any]) -> None:
        if state[1] not in ("<", ">"):
            raise pickle.UnpicklingError(f"numpy's byte order must be < or >, got {state[1]!r}")
        self.order = state[1]


def _number(kind: _Kind, data: bytes) -> float | int:
    """Return one of numpy's numbers in a file as Python's own."""
    try:
        (value,) = struct.unpack(kind.order + kind.code, data)
    except struct.error as error:
        raise pickle.UnpicklingError(f"numpy's number cannot be read: {error}") from error
    number: float | int = value
    return number


NUMBERS = {"f8": "d", "f4": "f", "i8": "q"}
"""Types of numpy's numbers that a file may hold, as the best score so far, and the codes to unpack them with."""

STAND_INS: dict[str, Callable[..., Any]] = {
    "numpy.dtype": _Kind,
    "numpy.core.multiarray.scalar": _number,  # up to numpy 1
    "numpy._core.multiarray.scalar": _number,
}
"""What is called where a file names numpy's own: these build no other type, and nothing of numpy's runs."""


def read_released(path: Path) -> dict[str, Any]:
    """Read a released file, a checkpoint of its training included, without running code from it."""
    return read_checkpoint(path, STAND_INS)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a released file by their keys, without the wrapping that training left around them."""
    try:
        content: Mapping[str, Any] = read_released(path)
    except ValueError as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            raise ValueError(
                f"{path} must hold tensors and plain data only: to read more, Python would have to run what the file "
                "says. If you trust it, save its weights alone with the program that wrote it: "
                f"torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW). ({error})"
            ) from error
        raise
    if KEYS & content.keys():
        raise ValueError(f"{path} must be a file of another project; it is a checkpoint of posepyr already")
    for wrapping in ("state_dict", "model_state_dict", "model"):
        if isinstance(content.get(wrapping), Mapping):
            content = content[wrapping]
            break
    weights = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if not weights:
        raise ValueError(
            f"{path} must hold a network's weights by name; found {', '.join(map(str, content)) or 'none'}"
        )
    if all(key.startswith("module.") for key in weights):  # saved under DataParallel
        weights = {key.removeprefix("module."): value for key, value in weights.items()}
    return weights
