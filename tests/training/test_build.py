"""Parts of a run, built from its configuration."""

import pytest

from posepyr.metrics.pck import PCK
from posepyr.skeleton import Skeleton
from posepyr.training.build import make_scorers

SKELETON = Skeleton("three", ("left_hip", "right_shoulder", "neck"), unit=("left_hip", "right_shoulder"))
PCK_NODE = {"_target_": "posepyr.metrics.pck.PCK"}


def test_scores_set_to_null_are_left_out() -> None:
    [scorer] = make_scorers({"metrics": {"pck": PCK_NODE, "pckh": None}}, SKELETON)
    assert isinstance(scorer, PCK)
    assert make_scorers({}, SKELETON) == []


def test_errors_of_scores_name_their_key() -> None:
    with pytest.raises(ValueError, match=r"^metrics\.pck\.threshold must be positive, got 0"):
        make_scorers({"metrics": {"pck": PCK_NODE | {"threshold": 0}}}, SKELETON)
    with pytest.raises(ValueError, match=r"^metrics\.mine must derive from posepyr\.metrics\.scorer\.Scorer, got "):
        make_scorers({"metrics": {"mine": {"_target_": "builtins.dict"}}}, SKELETON)
