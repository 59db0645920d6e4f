"""OKS AP by pycocotools and by faster-coco-eval, in turns: evaluation and accumulation of 5,000 pictures."""

import statistics
import time
from typing import Any

import numpy as np

from posepyr.metrics.coco_evaluation import LibraryName, evaluate, find_library

PICTURES, PEOPLE, JOINTS, ROUNDS = 5000, 2, 17, 3


def main(pictures: int = PICTURES, rounds: int = ROUNDS) -> None:
    """Print seconds of processor time, their ratio, and both APs."""
    people, results = synthetic_results(pictures, np.random.default_rng(0))
    reference = {"images": [{"id": number} for number in range(pictures)], "annotations": people}
    sigmas = np.full(JOINTS, 0.07)
    seconds: dict[str, list[float]] = {}
    names: tuple[LibraryName, ...] = ("pycocotools", "faster_coco_eval")
    for _ in range(rounds):
        for name in names:
            library = find_library(name)
            begun = time.process_time()
            scores = evaluate(reference, results, list(range(pictures)), sigmas=sigmas, library=library)
            seconds.setdefault(name, []).append(time.process_time() - begun)
            print(f"{name:<18} {seconds[name][-1]:6.2f} s  AP {scores['ap']:.6f}")
    slow, fast = (statistics.median(values) for values in seconds.values())
    print(f"pycocotools takes {slow / fast:.2f} times as long ({slow:.2f} and {fast:.2f} s)")


def synthetic_results(
    pictures: int, generator: np.random.Generator
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return annotations of random people, and results that are off by 1, 4 or 12 pixels."""
    people, results = [], []
    for number in range(pictures * PEOPLE):
        picture = number // PEOPLE
        box = [*generator.uniform(0, 300, 2).tolist(), *generator.uniform(40, 300, 2).tolist()]
        points = np.array(box[:2]) + generator.random((JOINTS, 2)) * box[2:]
        truth = np.column_stack([points, np.full(JOINTS, 2)])
        people.append({
            "id": number + 1, "image_id": picture, "category_id": 1, "iscrowd": 0, "bbox": box,
            "area": box[2] * box[3] / 2, "keypoints": truth.ravel().tolist(), "num_keypoints": JOINTS,
        })  # fmt: skip
        noise = generator.normal(0, generator.choice([1, 4, 12]), points.shape)
        found = np.column_stack([points + noise, np.ones(JOINTS)])
        results.append({
            "image_id": picture, "category_id": 1, "keypoints": found.ravel().tolist(), "score": generator.random(),
        })  # fmt: skip
    return people, results


if __name__ == "__main__":
    main()
