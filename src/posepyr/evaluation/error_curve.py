"""The share of joints found within any distance: a score at every threshold at once."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from posepyr.files import whole
from posepyr.metrics.functional import joint_kinds
from posepyr.metrics.scorer import Scorer
from posepyr.records import NOT_LABELLED, FloatArray, Predictions, Truth

LARGEST = 0.5
"""Distance at which the curve ends, as a share of the metric's unit."""


def relative_errors(scorer: Scorer, predictions: Predictions, truth: Truth) -> FloatArray | None:
    """Return distances ``N K`` in the score's unit, or None where it measures no distances.

    They are NaN where a joint is not labelled or a person's unit is not known.
    """
    measured = scorer.measure(predictions, truth)
    if measured is None:
        return None
    distance, unit = measured
    labelled = truth.visibility[predictions.sample] != NOT_LABELLED
    known = np.where(unit > 0, unit, np.nan)
    return np.where(labelled, distance / known[:, None], np.nan)


def curve(errors: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Return the share of errors within each threshold, of those that are numbers."""
    known = np.sort(errors[~np.isnan(errors)])
    return np.searchsorted(known, thresholds, side="right") / max(1, len(known))


def save_error_curve(path: Path, errors: FloatArray, joints: tuple[str, ...], title: str, unit: str) -> None:
    """Draw the curve of each kind of joint ``N K``, and that of all together; ``unit`` is what errors are shares of."""
    thresholds = np.linspace(0, LARGEST, 201)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    colours = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]  # of a listed colour map
    for number, (kind, members) in enumerate(joint_kinds(joints).items()):
        if not np.isnan(errors[:, members]).all():
            shares = curve(errors[:, members], thresholds)
            style = "--" if number >= len(colours) else "-"
            axes.plot(thresholds, shares, style, color=colours[number % len(colours)], label=kind, linewidth=1.2)
    axes.plot(thresholds, curve(errors, thresholds), color="black", linewidth=2.4, label="all joints")
    axes.set(xlim=(0, LARGEST), ylim=(0, 1), xlabel=f"distance from the truth / {unit}", ylabel="share of joints found")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
    with whole(path) as part:
        figure.savefig(part, dpi=130)
