"""Checkpoints on disk: written whole, read as plain data."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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
