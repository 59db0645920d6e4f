"""How Lightning's checkpoints reach the disk."""

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from posepyr.checkpoints.storage import write_checkpoint


class WholeFiles(TorchCheckpointIO):
    """Writes beside the final name and renames, so that a killed run leaves the last good checkpoint.

    Lightning's own goes through the folder for temporary files, which may lie on another disk: there the last step
    is a copy.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        write_checkpoint(Path(path), checkpoint)
