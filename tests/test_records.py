"""The data set's interface: what a class that only has splits answers, and what the benchmarks' own say."""

from pathlib import Path

import pytest

from posepyr.data.sources.coco import Coco
from posepyr.data.sources.lsp import Lsp
from posepyr.data.sources.mixture import Mixture
from posepyr.data.sources.posetrack import PoseTrack
from posepyr.errors import UsageError
from posepyr.records import Source
from support.dots import SKELETON, Dots


def test_a_data_set_with_splits_alone_answers_everything_else(tmp_path: Path) -> None:
    source = Dots()
    assert (source.scored("val"), source.parts("val"), source.in_boxes("annotated")) == (source, (source,), source)
    assert (source.labelled("val"), source.published("val"), source.box_kinds("val")) == (True, (), ())
    assert source.boxes("val") == "annotated"
    with pytest.raises(UsageError, match="whose servers take one; got data of Dots"):
        source.check_submission("val", SKELETON, tmp_path / "file")


def test_a_class_without_splits_is_no_data_set() -> None:
    class Empty(Source): ...

    with pytest.raises(TypeError, match="split"):
        Empty()  # type: ignore[abstract]  # what is tested


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Coco("c"), "annotated"),
        (Coco("c", detections="boxes.json"), "detected (boxes.json)"),
        (PoseTrack("p", box="joints"), "joint-enclosing"),
        (Lsp("l"), "whole-picture"),
        (Lsp("l", box="joints"), "joint-enclosing"),
    ],
)
def test_boxes_in_words(source: Source, words: str) -> None:
    assert source.boxes("val") == words


def test_a_detectors_boxes_are_left_for_the_annotated_ones() -> None:
    for source in (Coco("c", detections="boxes.json"), PoseTrack("p", detections="boxes.json")):
        annotated = source.in_boxes("annotated")
        assert (annotated.boxes("val"), annotated.box_kinds("val")) == ("annotated", ("annotated",))
        assert source.in_boxes("detected") is source
        # Training keeps to the annotated boxes.
        assert (source.boxes("train"), source.boxes("val")) == ("annotated", "detected (boxes.json)")
        assert [bool(one.published(name)) for one in (source, annotated) for name in ("train", "val")] == [
            True, False, True, True,
        ]  # fmt: skip


def test_a_mixture_answers_by_the_data_set_that_it_is_evaluated_on() -> None:
    coco, dots = Coco("c", detections="boxes.json"), Dots()
    mixture = Mixture({"dots": dots, "coco": coco}, SKELETON.joints, evaluate_on="coco")
    assert (mixture.scored("val"), mixture.parts("val")) == (coco, [coco])
    assert (mixture.scored("train"), mixture.parts("train")) == (mixture, [dots, coco])
