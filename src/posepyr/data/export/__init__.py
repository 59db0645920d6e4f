"""Any data set written to disk in the layouts of the archives: COCO, MPII, LSP."""

from posepyr.data.export.coco import write_coco
from posepyr.data.export.lsp import write_lsp
from posepyr.data.export.mpii import write_mpii

__all__ = ["write_coco", "write_lsp", "write_mpii"]
