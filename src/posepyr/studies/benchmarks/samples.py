"""Samples of a configuration's data made on one core, step by step, and by the loader's workers."""

import sys
from collections.abc import Sequence
from typing import Any

import cv2

from posepyr.configuration.compose import compose
from posepyr.measurement.loading import measure_loader, measure_one_core, picture_kind
from posepyr.measurement.machine import describe_benchmark
from posepyr.measurement.timing import Budget
from posepyr.training.build import make_data


def measure_samples(
    overrides: Sequence[str],
    *,
    config_dir: str | None = None,
    split: str = "train",
    workers: int | None = None,
    count: int,
    seconds: float,
) -> dict[str, Any]:
    """Measure the making of samples and return the report as plain data.

    One core makes ``count`` samples a round for ``seconds``, and so long do the loader's ``workers`` (None: those of
    the configuration). Only ``train`` is augmented.
    """
    machine = describe_benchmark("cpu") | {"opencv": cv2.__version__}
    chosen = [*overrides, *([] if workers is None else [f"data.workers={workers}"])]
    data = make_data(compose(chosen, config_dir))
    samples = data.samples(split, augment=split == "train")
    if not len(samples):
        raise ValueError(f"split must name a split with samples, got {split}, which has none")
    kind = picture_kind(samples)
    return {
        "machine": machine,
        "overrides": list(overrides),
        "split": split,
        "size": len(samples),
        "pictures": None if kind is None else kind._asdict(),
        "one_process": measure_one_core(samples, count, Budget(0, sys.maxsize, seconds)),
        "loader": measure_loader(data, samples, seconds),
    }
