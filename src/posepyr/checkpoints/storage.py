"""Checkpoints on disk: written whole, read as plain data."""

from pathlib import Path
from typing import Any

import torch

from posepyr.files import whole


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write what ``torch.load`` reads."""
    with whole(path) as part:
        torch.save(content, part)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint: plain data and tensors only, so that a stranger's file can run nothing."""
    if not path.is_file():
        raise ValueError(f"there must be a checkpoint at {path}, found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} must be a checkpoint of plain data and tensors; reading it failed: {message}"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a checkpoint's dictionary, got {type(content).__name__}")
    return content
