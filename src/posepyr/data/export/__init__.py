"""Any data set written to disk in the layouts of the archives: COCO, MPII, LSP."""

from posepyr.data.export.coco import write_coco
from posepyr.data.export.matlab_archives import write_lsp, write_mpii

__all__ = ["write_coco", "write_lsp", "write_mpii"]
