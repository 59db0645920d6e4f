"""Weights of a trained network in another: every one that fits, and an error where the other's body is not complete."""

from pathlib import Path

import pytest
import torch
from torch import nn

from posepyr.checkpoints.storage import write_checkpoint
from posepyr.checkpoints.weights import Pretrained
from posepyr.initialisation.schemes import MSR, Normal
from posepyr.layers.residual import ResidualBlocks
from posepyr.models.hourglass import StackedHourglass
from posepyr.models.hrnet import HRNet, HRNetClassifier
from posepyr.models.ppnet import PPNet, PPNetClassifier
from posepyr.models.resnet import ResNetClassifier
from posepyr.models.simple_baseline import SimpleBaseline

SMALL = {"width": 4, "modules": (1, 1, 1), "blocks": 1}

FAMILIES = {
    "hrnet": (lambda: HRNetClassifier(3, **SMALL), lambda: HRNet(5, **SMALL)),
    "hrnet_four_heatmaps": (lambda: HRNetClassifier(3, **SMALL), lambda: HRNet(5, **SMALL, heatmaps=(1, 2, 4, 8))),
    "ppnet": (lambda: PPNetClassifier(3, width=4, blocks=1), lambda: PPNet(5, width=4, blocks=1)),
    "resnet": (lambda: ResNetClassifier(3, width=4), lambda: SimpleBaseline(5, width=4, upsampling=(4, 4))),
}


def saved(model: nn.Module, path: Path, recipe: str = "posepyr_classifier") -> Path:
    """A checkpoint of a model that has been trained: no weight and no statistic is as when it was built."""
    generator = torch.Generator().manual_seed(3)
    for value in model.state_dict().values():
        value.copy_(torch.rand(value.shape, generator=generator) * 9 + 1)
    state = {f"model.{key}": value for key, value in model.state_dict().items()}
    write_checkpoint(path, {recipe: {}, "state_dict": {**state, "loss.mean_value": torch.zeros(1)}})
    return path


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pose_network_begins_with_all_of_its_classifiers_body(family: str, tmp_path: Path) -> None:
    make_classifier, make_pose = FAMILIES[family]
    classifier, pose, fresh = make_classifier(), make_pose(), make_pose()
    file = saved(classifier, tmp_path / "a.ckpt")
    found = Pretrained(str(file))(pose, torch.Generator().manual_seed(0))
    Normal()(fresh, torch.Generator().manual_seed(0))

    theirs, ours, begun = classifier.state_dict(), pose.state_dict(), fresh.state_dict()
    shared = [key for key in ours if key.split(".")[0] in pose.pretrained_parts]
    assert found.report.matched == [key for key in theirs if key in shared]
    assert found.report.missing == [key for key in ours if key not in shared]
    assert set(found.report.unexpected) == set(theirs) - set(ours)
    for key, value in ours.items():
        assert torch.equal(value, theirs[key] if key in shared else begun[key]), key


def test_what_is_not_matched_begins_by_the_scheme_asked_for(tmp_path: Path) -> None:
    make_classifier, make_pose = FAMILIES["resnet"]
    file = saved(make_classifier(), tmp_path / "a.ckpt")
    pose, fresh = make_pose(), make_pose()
    found = Pretrained(str(file), rest=MSR())(pose, torch.Generator().manual_seed(7))
    MSR()(fresh, torch.Generator().manual_seed(7))
    assert torch.equal(pose.upsampling[0].weight, fresh.upsampling[0].weight)
    assert str(found).startswith(f"{file}: {len(found.report.matched)} matched, ")
    assert "upsampling.0.weight" in str(found)
    assert "classify.weight" in str(found)
    assert str(found).endswith("what is not matched begins as MSR()")


def test_a_pose_network_begins_with_anothers_of_other_joints(tmp_path: Path) -> None:
    first, second = HRNet(5, **SMALL), HRNet(7, **SMALL)
    file = saved(first, tmp_path / "a.ckpt", "posepyr")
    report = Pretrained(str(file))(second).report
    assert report.missing == report.unexpected == []
    assert len(report.reshaped) == 2
    assert report.reshaped[0] == "heads.0.weight is 5 x 4 x 1 x 1, not 7 x 4 x 1 x 1"
    assert torch.equal(second.body.stem[0][0].weight, first.body.stem[0][0].weight)
    assert not second.heads[0].bias.any()


def test_a_network_without_named_parts_takes_what_there_is(tmp_path: Path) -> None:
    first, second = (StackedHourglass(5, ResidualBlocks(), stacks=stacks, width=8, depth=1) for stacks in (1, 2))
    report = Pretrained(str(saved(first, tmp_path / "a.ckpt", "posepyr")))(second).report
    assert len(report.matched) == len(first.state_dict())
    assert report.missing
    other = saved(nn.Sequential(nn.Linear(2, 2)), tmp_path / "b.ckpt", "posepyr")
    with pytest.raises(ValueError, match=r"file must hold weights of StackedHourglass, got .*b\.ckpt, of which "):
        Pretrained(str(other))(second)


@pytest.mark.parametrize(
    ("source", "model"),
    [
        (lambda: HRNetClassifier(3, **{**SMALL, "width": 6}), lambda: HRNet(5, **SMALL)),
        (lambda: HRNetClassifier(3, **SMALL), lambda: HRNet(5, **{**SMALL, "blocks": 2})),
        # A pose network's last exchange gives one map only.
        (lambda: HRNet(5, **SMALL), lambda: HRNetClassifier(3, **SMALL)),
        (lambda: PPNetClassifier(3, width=4, blocks=1), lambda: PPNet(5, width=4, blocks=1, modules=3)),
        (lambda: PPNetClassifier(3, width=4, blocks=1), lambda: HRNet(5, **SMALL)),
        (lambda: ResNetClassifier(3, width=4), lambda: SimpleBaseline(5, width=4, depth=101)),
    ],
)
def test_a_body_that_is_not_complete_is_an_error_and_changes_nothing(source, model, tmp_path: Path) -> None:
    file, network = saved(source(), tmp_path / "a.ckpt"), model()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=r"file must hold all weights of .* which lacks \d+ as .* matched") as caught:
        Pretrained(str(file))(network)
    assert ", ".join(network.pretrained_parts) in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_only_checkpoints_of_posepyr_are_taken(tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv1.weight": torch.zeros(1)}}, tmp_path / "a.pth")
    with pytest.raises(
        ValueError, match=r"must be a checkpoint that posepyr wrote, got .*a\.pth; posepyr convert makes"
    ):
        Pretrained(str(tmp_path / "a.pth"))(HRNet(5, **SMALL))


def test_a_file_that_is_not_there_is_an_error_that_says_where_from(tmp_path: Path) -> None:
    missing = tmp_path / "hrnet_w32_imagenet.ckpt"
    with pytest.raises(ValueError, match=rf"file must be a checkpoint that is there, got {missing}; posepyr"):
        Pretrained(str(missing))(HRNet(5, **SMALL))
