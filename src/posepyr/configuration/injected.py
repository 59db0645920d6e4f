"""What the program itself hands to the parts that it builds, and what it can do without."""

from typing import Any, Literal

SUPPLIED = {
    "model": {"joints": "the group skeleton"},
    "classifier": {"classes": "the data set"},
    "data": {
        "skeleton": "the group skeleton",
        "augment": "the group augment",
        "grid": "codec.grid",
        "seed": "the key seed",
    },
    "optimizer": {"params": "the group model"},
    "metrics.*": {"skeleton": "the group skeleton"},
    "logger": {"folder": "the run folder", "name": "the key name", "config": "the whole configuration"},
    "trainer": {
        "callbacks": "the group callbacks",
        "logger": "the group logger",
        "plugins": "posepyr's own way of saving",
        "default_root_dir": "hydra.run.dir",
        "enable_progress_bar": "the key progress",
    },
}
"""Arguments that are never configured, by node, and where they come from instead; ``*`` is any one name."""


def supplied(path: str) -> dict[str, str]:
    """The arguments of the node at ``path`` that are never configured, and where they come from instead."""
    return SUPPLIED.get(path) or SUPPLIED.get(f"{path.rpartition('.')[0]}.*", {})


SETTINGS: dict[str, Any] = {
    "progress": Literal["rich", "tqdm", False] | None,
    "checkpoint.mode": Literal["max", "min"],
    "threads": int | None,
}
"""Types of keys outside of nodes, where the value in the file does not tell all."""

OPTIONAL = {"augment", "callbacks", "classifier", "experiment", "logger", "sweep"}
"""Groups that a run can do without, as in ``logger=null``."""
