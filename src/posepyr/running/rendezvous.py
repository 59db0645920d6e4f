"""Rendezvous of processes that torchrun or SLURM started: all of them get what the first one decided."""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from posepyr.ranks import in_torchrun, is_first, launched, world_size

PATIENCE = timedelta(minutes=10)
"""For how long processes wait for the first one."""


def from_first(topic: str, decide: Callable[[], Any]) -> Any:
    """Return in every process what ``decide`` returns in the first one: plain data, sent under the name ``topic``."""
    if not launched():
        return decide()
    store, key = _store(), f"posepyr/{topic}"
    if is_first():
        decision = decide()
        store.set(key, json.dumps(decision))
    else:
        decision = json.loads(store.get(key))
    # The first process may hold the store: it stays until all processes have read.
    if store.add(f"{key}/read", 1) == world_size():
        store.set(f"{key}/all", "")
    store.wait([f"{key}/all"], PATIENCE)
    return decision


@cache
def _store() -> Any:
    # One for as long as the process lives: no process must connect to a store that is about to close.
    from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]  # not listed
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not listed by Torch

    if in_torchrun():
        # Its agent may hold one already.
        held = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        return TCPStore(address, port, is_master=is_first() and not held, timeout=PATIENCE, wait_for_workers=False)
    cluster = SLURMEnvironment()
    # Beside the port that the training itself will use.
    port = cluster.main_port + 1
    return TCPStore(cluster.main_address, port, is_master=is_first(), timeout=PATIENCE, wait_for_workers=False)
