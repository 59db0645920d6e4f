"""Checkpoints on disk: written whole, read as plain data; files of other projects too, without running their code."""

import pickle
import shutil
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posepyr.checkpoints.recipe import KEYS
from posepyr.files import format_bytes, whole


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a file for ``torch.load``, whole or not at all; raise ValueError first where the disk has no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    needed, free = size_of(content), free_space(path.parent)
    if needed > free:
        raise ValueError(
            f"the disk of {path.parent} must have room for a checkpoint of {format_bytes(needed)}, got "
            f"{format_bytes(free)}; what was saved before is untouched: make room and go on with --resume"
        )
    try:
        with whole(path) as part:
            torch.save(content, part)
    except (OSError, RuntimeError) as error:
        # The disk may be less free than it says: beyond a quota, or just filled by another program.
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} must be written whole, but the disk does not take it ({reason}); what was saved before is "
            "untouched: make room and go on with --resume"
        ) from error


def free_space(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder, which need not exist yet."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def size_of(content: Any) -> int:
    """Return the bytes of all tensors in nested plain data."""
    if isinstance(content, Tensor):
        return content.nbytes
    if isinstance(content, Mapping):
        return sum(map(size_of, content.values()))
    return sum(map(size_of, content)) if isinstance(content, list | tuple) else 0


def read_checkpoint(path: Path, stand_ins: Mapping[str, Callable[..., Any]] | None = None) -> dict[str, Any]:
    """Read a checkpoint of plain data and tensors only, so that a file from elsewhere runs no code.

    ``stand_ins`` are functions and classes of ours that are called in the place of those that a file may also name.
    """
    if not path.is_file():
        raise ValueError(f"there must be a checkpoint at {path}, found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        with torch.serialization.safe_globals([(part, name) for name, part in (stand_ins or {}).items()]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} must be a checkpoint of plain data and tensors; reading it failed: {message}"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a checkpoint's dictionary, got {type(content).__name__}")
    return content


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
