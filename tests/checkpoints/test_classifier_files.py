"""Classifiers' files in the words of their projects: recognised, converted, and what a pose network begins with."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from posepyr.checkpoints.official import classes_of, convert_classifier, joints_of
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.checkpoints.weights import Pretrained
from posepyr.cli.main import main
from posepyr.models.hrnet import HRNet, HRNetClassifier
from posepyr.models.resnet import ResNetClassifier
from posepyr.models.simple_baseline import SimpleBaseline
from posepyr.nodes import build

Words = list[tuple[str, str | Callable[[re.Match[str]], str]]]


def numbered(match: re.Match[str]) -> str:
    """A convolution or a batch norm, counted from 1."""
    return f".{('conv', 'bn')[int(match[2])]}{int(match[1]) + 1}."


def fused(match: re.Match[str]) -> str:
    """A way down names its steps, each a convolution and a norm; a way up is one such pair."""
    target, source, step, layer = match.groups()
    return f".fuse_layers.{target}.{source}." + (f"{step}.{layer}." if source < target else f"{layer}.")


RESIDUAL: Words = [(r"\.main\.(\d)\.([01])\.", numbered), (r"\.shortcut\.", ".downsample.")]

HRNET: Words = [
    (r"^body\.stem\.([01])\.([01])\.", lambda match: numbered(match)[1:]),
    (r"^body\.stem\.2\.", "layer1."),
    (r"^body\.spread\.paths\.0\.0\.", "transition1.0."),
    (r"^body\.spread\.paths\.", "transition1."),
    (r"^body\.extensions\.(\d)\.path\.", lambda match: "transition{0}.{0}.".format(int(match[1]) + 1)),
    (r"^body\.stages\.(\d)\.", lambda match: f"stage{int(match[1]) + 2}."),
    (r"\.branches\.paths\.", ".branches."),
    (r"\.exchange\.targets\.(\d)\.paths\.(\d)\.(\d)\.([01])\.", fused),
    *RESIDUAL,
]

HEADS: dict[str, Words] = {
    "names": [(r"^head\.widen\.(\d)\.", r"incre_modules.\1.0."), (r"^head\.lower\.", "downsamp_modules."),
              (r"^head\.features\.", "final_layer."), (r"^head\.classify\.", "classifier.")],
    "numbers": [(r"^head\.widen\.(\d)\.", r"head.0.\1.0."), (r"^head\.lower\.", "head.1."),
                (r"^head\.features\.", "head.2."), (r"^head\.classify\.", "fc.")],
}  # fmt: skip

TORCHVISION: Words = [
    (r"^backbone\.stem\.0\.([01])\.", lambda match: f"{('conv', 'bn')[int(match[1])]}1."),
    (r"^backbone\.stages\.(\d)\.", lambda match: f"layer{int(match[1]) + 1}."),
    (r"^classify\.", "fc."),
    *RESIDUAL,
]


def in_words(model: nn.Module, words: Words, counters: bool = True) -> dict[str, Tensor]:
    """A model's weights as a released file has them."""
    torch.manual_seed(2)
    found = {}
    for key, value in model.state_dict().items():
        value.copy_(torch.rand(value.shape) * 9 + 1)
        for pattern, replacement in words:
            key = re.sub(pattern, replacement, key)
        if counters or not key.endswith("num_batches_tracked"):
            found[key] = value
    return found


@pytest.mark.parametrize(("words", "counters"), [("names", True), ("numbers", False)])
def test_hrnets_imagenet_file_becomes_what_a_pose_network_begins_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, counters: bool
) -> None:
    classifier = HRNetClassifier(6, width=4, modules=(1, 1, 3), blocks=1)
    released = in_words(classifier, HEADS[words] + HRNET, counters)
    assert {"conv1.weight", "bn2.bias", "layer1.0.downsample.0.weight", "transition1.0.0.weight"} <= released.keys()
    assert {"transition3.3.0.1.bias", "stage4.2.fuse_layers.3.0.2.0.weight"} <= released.keys()
    assert {"stage2.0.branches.1.0.bn2.bias", "stage3.0.fuse_layers.0.2.1.weight"} <= released.keys()
    torch.save(released, tmp_path / "hrnet_w4.pth")
    file = tmp_path / "a.ckpt"
    assert main(["convert", str(tmp_path / "hrnet_w4.pth"), "--output", str(file)]) == 0
    said = capsys.readouterr().out
    assert f"{len(released)} matched, 0 missing, 0 unexpected, 0 reshaped" in said
    assert ("counters of batch norms set to 0" in said) == (not counters)
    assert "HRNetClassifier: width=4, modules=[1, 1, 3], blocks=1, classes=6" in said

    content = read_checkpoint(file)
    assert content["posepyr_classifier"]["classes"] == ["0", "1", "2", "3", "4", "5"]
    again = build(content["posepyr_classifier"]["model"])
    again.load_state_dict({key.removeprefix("model."): value for key, value in content["state_dict"].items()})
    for key, value in again.state_dict().items():
        uncounted = key.endswith("num_batches_tracked") and not counters
        assert torch.equal(value, torch.tensor(0) if uncounted else classifier.state_dict()[key]), key

    pose = HRNet(5, width=4, modules=(1, 1, 3), blocks=1)
    report = Pretrained(str(file))(pose).report
    assert report.missing == ["heads.0.weight", "heads.0.bias"]
    assert torch.equal(pose.body.stages[2][2].exchange.targets["0"].paths[3][0][0].weight,
                       released["stage4.2.fuse_layers.0.3.0.weight"])  # fmt: skip


def test_torchvisions_resnet_becomes_what_simple_baseline_begins_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = ResNetClassifier(7, width=4)
    released = in_words(classifier, TORCHVISION)
    # As many entries as torchvision's ResNet-50 has: 161 weights, and three statistics of each of its 53 norms.
    assert len(released) == 161 + 3 * 53
    assert {"conv1.weight", "bn1.running_var", "layer4.2.conv3.weight", "fc.bias"} <= released.keys()
    torch.save(released, tmp_path / "resnet50.pth")
    file = tmp_path / "a.ckpt"
    assert main(["convert", str(tmp_path / "resnet50.pth"), "--output", str(file)]) == 0
    said = capsys.readouterr().out
    assert "ResNetClassifier: depth=50, width=4, classes=7" in said
    assert "rgb, mean [0.485" in said
    assert main(["convert", str(file), "--output", str(tmp_path / "b.ckpt")]) == 1
    assert "is a checkpoint of posepyr already" in capsys.readouterr().err
    pose = SimpleBaseline(5, width=4)
    Pretrained(str(file))(pose)
    for key, value in pose.backbone.state_dict().items():
        assert torch.equal(value, classifier.backbone.state_dict()[key]), key


def test_what_a_classifier_has_no_use_for_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(in_words(ResNetClassifier(7, width=4), TORCHVISION), tmp_path / "resnet50.pth")
    arguments = ["convert", str(tmp_path / "resnet50.pth"), "--output", str(tmp_path / "a.ckpt")]
    for further in (["--skeleton", "coco"], ["--input", "64x64"]):
        assert main([*arguments, *further]) == 2
        assert "--skeleton and --input must come with a pose network" in capsys.readouterr().err
    assert not (tmp_path / "a.ckpt").exists()


def test_a_head_of_another_make_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    released = in_words(HRNetClassifier(6, width=4, modules=(1, 1, 3), blocks=1), HEADS["names"] + HRNET)
    released["incre_modules.0.0.conv1.weight"] = torch.zeros(16, 4, 1, 1)
    with pytest.raises(
        ValueError, match=r"x\.pth must fit a classifier of HRNet's release key by key: .* 1 reshaped .*; --backbone"
    ):
        convert_classifier(released, "hrnet", "x.pth")
    torch.save(released, tmp_path / "x.pth")
    file = tmp_path / "a.ckpt"
    assert main(["convert", str(tmp_path / "x.pth"), "--backbone", "--output", str(file)]) == 0
    assert "posepyr" in read_checkpoint(file)
    pose = HRNet(17, width=4, modules=(1, 1, 3), blocks=1)
    assert Pretrained(str(file))(pose).report.missing == ["heads.0.weight", "heads.0.bias"]


def test_files_without_a_classifiers_last_layer_are_none() -> None:
    state = {"stage2.0.branches.0.0.conv1.weight": torch.zeros(1), "classifier.weight": torch.zeros(3)}
    assert joints_of(state, "hrnet") is classes_of(state, "hrnet") is classes_of(state, "ppnet") is None
    for source, title in (("hrnet", "HRNet's release"), ("ppnet", "PPNet's release")):
        with pytest.raises(ValueError, match=f"must have the last layer of a classifier of {title}, and has none"):
            convert_classifier(state, source)
