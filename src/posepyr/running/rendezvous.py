"""How processes that somebody else started, torchrun or SLURM, come to run one and the same job."""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from posepyr.ranks import in_torchrun, is_first, launched, world_size

PATIENCE = timedelta(minutes=10)
"""For how long processes wait for the first one's job."""


def agree(topic: str, propose: Callable[[], Any]) -> Any:
    """The first process's proposal on a topic, plain data, in every process. Only the first one makes one."""
    if not launched():
        return propose()
    store, key = _store(), f"posepyr/{topic}"
    if is_first():
        proposal = propose()
        store.set(key, json.dumps(proposal))
    else:
        proposal = json.loads(store.get(key))
    # The first process may hold the store: it stays until everybody has read.
    if store.add(f"{key}/read", 1) == world_size():
        store.set(f"{key}/all", "")
    store.wait([f"{key}/all"], PATIENCE)
    return proposal


@cache
def _store() -> Any:
    # One for as long as the process lives: nobody must meet a store that is about to close.
    from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    if in_torchrun():
        # Its agent holds one already.
        held = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        return TCPStore(address, port, is_master=is_first() and not held, timeout=PATIENCE, wait_for_workers=False)
    cluster = SLURMEnvironment()
    # Beside the port that the training itself will use.
    port = cluster.main_port + 1
    return TCPStore(cluster.main_address, port, is_master=is_first(), timeout=PATIENCE, wait_for_workers=False)
