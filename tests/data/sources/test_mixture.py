from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from posepyr.data.loading.augment import Augment
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.sources.mixture import Joined, Mixture
from posepyr.records import NOT_LABELLED, Annotation, Truth
from support.dots import SKELETON, Dots, DotSplit

JOINTS = ("head_top", "left_hip", "right_shoulder")


class Tails(Dots):
    """People with joints of their own, of which one is also a dot's."""

    def split(self, name: str) -> "TailSplit":
        return TailSplit({"train": 5, "val": 6, "test": 7}[name], self.people, self.size)


class TailSplit(DotSplit):
    joints = ("tail", "left_hip", "right_shoulder")
    measures: ClassVar[dict[str, Any]] = {}


def test_training_is_everybody_and_the_rest_is_of_one() -> None:
    mixture = Mixture({"tails": Tails(3), "dots": Dots(5)}, JOINTS, evaluate_on="dots")
    assert len(mixture.split("train")) == 8
    assert mixture.split("train") is mixture.split("train")
    for name in ("val", "test"):
        assert len(mixture.split(name)) == 5
        np.testing.assert_array_equal(mixture.split(name)[2].keypoints, Dots(5).split(name)[2].keypoints[[2, 0, 1]])
    assert len(Mixture({"tails": Tails(3), "dots": Dots(5)}, JOINTS).split("val")) == 3
    assert [mixture.split(name).joints for name in ("train", "val", "test")] == [JOINTS] * 3


def test_everybody_keeps_joints_and_picture() -> None:
    sources = {"tails": Tails(3), "dots": Dots(5)}
    joined = Mixture(sources, JOINTS).split("train")
    for index in range(8):
        source, place = ("tails", index) if index < 3 else ("dots", index - 3)
        split = sources[source].split("train")
        person, truth = joined[index], split[place]
        assert person.sample == index
        assert person.image == truth.image
        for column, joint in enumerate(JOINTS):
            if joint in split.joints:
                np.testing.assert_array_equal(person.keypoints[column], truth.keypoints[split.joints.index(joint)])
                assert person.visibility[column] == truth.visibility[split.joints.index(joint)]
            else:
                assert person.visibility[column] == NOT_LABELLED
        # The dots are drawn where the joints of the annotation are, so it is the same person's in both.
        seen = split.view(person._replace(sample=place))
        np.testing.assert_array_equal(joined.view(person).pixels, seen.pixels)
    assert joined[-1].sample == 7
    with pytest.raises(IndexError):
        joined[8]


def test_an_epoch_shows_everybody_once() -> None:
    mixture = Mixture({"tails": Tails(3), "dots": Dots(5)}, JOINTS)
    skeleton = SKELETON.__class__("mixed", JOINTS)
    module = PoseDataModule(
        source=mixture, crops=CropPlan(skeleton, Augment()), input_size=(32, 32), batch_size=4, workers=0
    )
    seen = torch_samples(module)
    assert sorted(seen) == list(range(8))
    origins = mixture.split("train").measures["origin"]
    assert sorted(origins[seen].tolist()) == ["dots"] * 5 + ["tails"] * 3


def torch_samples(module: PoseDataModule) -> list[int]:
    return [int(sample) for batch in module.train_dataloader() for sample in batch.sample]


class Measured(DotSplit):
    """Dots with whatever measures."""

    def __init__(self, people: int, **measures: Any) -> None:
        super().__init__(0, people, 80)
        self.measures = measures  # type: ignore[misc]


def test_measures_are_joined_and_filled() -> None:
    joined = Joined(
        {
            "first": Measured(
                2, image=np.array([5, 6]), head_size=np.array([1.5, 2.5]), place=np.array([[1, 2], [3, 4]])
            ),
            "second": Measured(1, image=np.array(["beef"]), track=np.array([9], np.uint8)),
        }
    )
    measures = joined.measures
    np.testing.assert_array_equal(measures["image"], ["5", "6", "beef"])
    np.testing.assert_array_equal(measures["head_size"], [1.5, 2.5, np.nan])
    np.testing.assert_array_equal(measures["track"], [-1, -1, 9])
    np.testing.assert_array_equal(measures["place"], [[1, 2], [3, 4], [-1, -1]])
    np.testing.assert_array_equal(measures["origin"], ["first", "first", "second"])
    assert all(len(values) == len(joined) for values in measures.values())


def test_scores_are_taken_against_the_files_of_the_one_that_is_scored() -> None:
    class Filed(Dots):
        def complete(self, name: str, truth: Truth) -> Truth:
            return truth._replace(file=f"{name}.json")

    mixture = Mixture({"tails": Tails(3), "dots": Filed(5)}, JOINTS, evaluate_on="dots")
    data = PoseDataModule(
        source=mixture, crops=CropPlan(replace(SKELETON, joints=JOINTS)), input_size=(16, 16), workers=0
    )
    assert [data.truth(name).file for name in ("train", "val", "test")] == [None, "val.json", "test.json"]


def test_sources_must_be_named() -> None:
    with pytest.raises(ValueError, match=r"sources must name one or more data sets, got none"):
        Mixture({}, JOINTS)
    with pytest.raises(ValueError, match=r"evaluate_on must be one of dots, got 'dot'"):
        Mixture({"dots": Dots()}, JOINTS, evaluate_on="dot")


def test_annotations_are_the_part_s_own_again_for_its_view() -> None:
    """A part finds the picture by the number that it gave, whatever became of box and rotation."""
    seen: list[Annotation] = []

    class Watched(DotSplit):
        def view(self, annotation: Annotation, scale: float = 1.0) -> Any:
            seen.append(annotation)
            return super().view(annotation, scale)

    joined = Joined({"first": DotSplit(0, 4, 80), "second": Watched(1, 4, 80)})
    joined.view(joined[6]._replace(rotation=12.0), 0.5)
    assert (seen[0].sample, seen[0].rotation) == (2, 12.0)
