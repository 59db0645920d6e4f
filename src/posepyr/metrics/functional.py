"""Scores as pure functions of keypoints in image pixels."""

from typing import NamedTuple

import torch
from torch import Tensor


class Counts(NamedTuple):
    """Joints found and joints asked for, ``K`` each, and people that could not be measured."""

    correct: Tensor
    counted: Tensor
    left_out: Tensor


def unit_length(truth: Tensor, labelled: Tensor, pair: tuple[int, int], floor: float) -> Tensor:
    """Distance ``B`` between the two joints of ``pair``, at least ``floor`` pixels; NaN where either is unlabelled."""
    first, second = pair
    length = torch.linalg.vector_norm(truth[:, first] - truth[:, second], dim=-1).clamp_min(floor)
    known = (labelled[:, first] > 0) & (labelled[:, second] > 0)
    return torch.where(known, length, torch.nan)


def pck(predicted: Tensor, truth: Tensor, labelled: Tensor, unit: Tensor, threshold: float) -> Counts:
    """Percentage of correct keypoints, as counts: within ``threshold`` times ``unit`` of the truth.

    Keypoints are ``B K 2``, ``labelled`` is ``B K`` (0: not annotated), ``unit`` is ``B``. People whose unit is NaN
    are left out and counted. PCK@0.2 on LSP takes left hip to right shoulder as the unit (MSSH eq. 7).
    """
    distance = torch.linalg.vector_norm(predicted.double() - truth.double(), dim=-1)
    measurable = ~unit.isnan()
    asked = (labelled > 0) & measurable[:, None]
    found = asked & (distance <= threshold * unit[:, None])
    return Counts(found.sum(0), asked.sum(0), (~measurable).sum())
