"""What a sweep costs beside its jobs: time, CPU time of jobs side by side, memory of the process that watches them.

Run from anywhere, on a machine that does nothing else: ``python experiments/benchmarks/sweeps.py``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

TINY = [
    "experiment=demo", "model.stacks=1", "model.width=32", "model.depth=2", "data.input_size=[64,64]", "trainer=cpu",
    "data.batch_size=8", "data.workers=0", "data.source.val=8", "data.source.test=8", "data.source.size=96",
    "trainer.max_epochs=1", "test=false", "callbacks=none", "hydra.launcher.slots=1",
]  # fmt: skip


class Meter(pl.Callback):
    """Writes the seconds, and the CPU seconds, of ``trainer.fit``."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.begun = time.perf_counter(), time.process_time()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        seconds = [now - then for now, then in zip((time.perf_counter(), time.process_time()), self.begun, strict=True)]
        Path(trainer.default_root_dir, "meter.json").write_text(json.dumps(seconds), encoding="utf-8")


def start(folder: Path, *overrides: str) -> subprocess.Popen[bytes]:
    """Start ``posepyr train`` with a meter."""
    paths = os.pathsep.join([str(ROOT / "src"), str(HERE)])
    meter = "+callbacks.meter={_target_: sweeps.Meter}"
    return subprocess.Popen(
        [sys.executable, "-m", "posepyr", "train", *TINY, meter, *overrides], cwd=folder, stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def run(folder: Path, *overrides: str) -> float:
    """Return the seconds of a whole command."""
    began = time.perf_counter()
    if start(folder, *overrides).wait():
        raise SystemExit(f"{' '.join(overrides)} failed in {folder}")
    return time.perf_counter() - began


def meters(folder: Path) -> list[list[float]]:
    """Return the seconds and CPU seconds of the jobs below a folder."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("meter.json"))]


def overhead(folder: Path, jobs: int) -> dict[str, Any]:
    """Compare a sweep on one slot with the same jobs run singly."""
    size = "data.source.train=800"
    for seed in range(jobs):
        run(folder, size, f"seed={seed}", f"hydra.run.dir=single/{seed}")
    alone = run(folder, "-m", size, "seed=0", "hydra.sweep.dir=one")
    start_up = alone - meters(folder / "one")[0][0]
    seconds = run(folder, "-m", size, f"seed=range({jobs})", "hydra.sweep.dir=all")
    fits = sum(meter[0] for meter in meters(folder / "single"))
    return {"sweep": seconds, "fits of single runs": fits, "start-up": start_up, "ratio": (seconds - start_up) / fits}


def side_by_side(folder: Path) -> dict[str, Any]:
    """Compare the CPU time of jobs two at a time with that of the same jobs one at a time."""
    size, seeds = "data.source.train=800", "seed=range(4)"
    run(folder, "-m", size, seeds, "hydra.sweep.dir=by_ones")
    run(folder, "-m", size, seeds, "hydra.launcher.slots=2", "hydra.sweep.dir=by_twos")
    ones, twos = (sum(meter[1] for meter in meters(folder / name)) for name in ("by_ones", "by_twos"))
    return {"CPU seconds by ones": ones, "by twos": twos, "ratio": twos / ones}


def memory(folder: Path, jobs: int) -> dict[str, Any]:
    """Watch the memory of the sweep's own process while many jobs pass."""
    overrides = ["data.source.train=8", f"seed=range({jobs})", "hydra.launcher.slots=2", "hydra.sweep.dir=many"]
    process = start(folder, "-m", *overrides)
    seen: dict[int, float] = {}
    while process.poll() is None:
        ended = len(meters(folder / "many"))
        if ended:
            seen[ended] = _resident(process.pid) or seen.get(ended, 0.0)
        time.sleep(0.5)
    middle = min(seen, key=lambda count: abs(count - jobs // 10))
    return {f"MiB after {middle} jobs": seen[middle], f"after {max(seen)} jobs": seen[max(seen)]}


def _resident(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def main() -> None:
    """Measure all three."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, measure in (
            ("8 jobs on one slot", partial(overhead, folder, 8)),
            ("4 jobs on two cores", partial(side_by_side, folder)),
            ("100 jobs", partial(memory, folder, 100)),
        ):
            print(f"{title}: " + ", ".join(f"{key} {value:.2f}" for key, value in measure().items()), flush=True)


if __name__ == "__main__":
    main()
