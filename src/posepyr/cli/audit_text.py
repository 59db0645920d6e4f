"""What ``posepyr audit`` found, for reading."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from posepyr.variance.curves import Band, Curve, Section, sections

NONE = "-"
"""In the place of a mean, where a variance is zero or larger than numbers go."""


def table(curves: Sequence[Curve]) -> str:
    """Variances by the sections of networks; those that are made of other sections in tables of their own."""
    lines: list[str] = []
    for parts, group in groupby(curves, lambda curve: sections(curve.names)):
        alike = list(group)
        head = ["outputs", *(curve.label for curve in alike)]
        responses = _rows(parts, [curve.responses for curve in alike])
        gradients = _rows(parts, [curve.gradients for curve in alike])
        lines += ["", *_aligned([["variance of responses", *head], *responses])]
        lines += ["", *_aligned([["variance of gradients", *head], *gradients])]
    return "\n".join([*lines, "", "Geometric means over the outputs of each part, in the order of execution."]) + "\n"


def _rows(parts: Sequence[Section], columns: Sequence[Sequence[Band]]) -> list[list[str]]:
    rows = [
        [part.name, str(part.stop - part.start), *(_mean(column[part.start : part.stop]) for column in columns)]
        for part in parts
    ]
    return [*rows, ["largest over smallest", "", *map(_ratio, columns)]]


def _mean(bands: Iterable[Band]) -> str:
    logs = [math.log(band.mean) for band in bands]
    return _number(math.exp(math.fsum(logs) / len(logs)))


def _ratio(bands: Sequence[Band]) -> str:
    means = [band.mean for band in bands]
    return NONE if any(map(math.isnan, means)) else _number(max(means) / min(means))


def _number(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.3g}"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
