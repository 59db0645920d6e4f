"""Released files, written to disk as their projects write them, predict what their projects' code predicts."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from posepyr.checkpoints import official
from posepyr.checkpoints.official import Setting, convert, joints_of, recognise
from posepyr.checkpoints.releases import RELEASES
from posepyr.checkpoints.storage import write_checkpoint
from posepyr.cli.main import main
from posepyr.inference.estimator import Estimator
from posepyr.models.ppnet import PPNet
from posepyr.nodes import build
from support.places import CONF
from support.released import picture, state_of

CODECS = CONF / "codec"
COCO: dict[str, Any] = {"_target_": "posepyr.skeleton.Skeleton", "name": "coco", "joints": [f"j{n}" for n in range(17)]}
SETTING = Setting(COCO, (256, 192))

WRAPPED = {
    "hrnet_w32_coco": lambda state: state,
    "ppnet_m2_d2_w32_coco": lambda state: {"epoch": 210, "model": "pose_ppnet", "state_dict": under("module.", state)},
    "simple_baseline_r50_coco": lambda state: under("module.", state),
    "hourglass_s2_b1_mpii": lambda state: {"epoch": 100, "arch": "hg", "state_dict": under("module.", state)},
}
"""The golden records, and how such files are wrapped."""

AGREEMENT = 1e-5
"""What the records ask of the relative error."""

ROUGH = {"hrnet_w32_coco": 1e-4, "ppnet_m2_d2_w32_coco": 1e-4}
"""The same in single precision where a record's weights nearly cancel: what is left of the last digits is then the
convolution kernels' own. With the same network, processor and weights these gave 0 to 5.3e-5, by instruction set,
number of threads and memory layout; the other records stay below 1.1e-6 with all of them."""


def under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in state.items()}


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden"


@pytest.fixture(scope="module")
def ppnet(golden: Path) -> dict[str, Tensor]:
    return state_of(golden / "ppnet_m2_d2_w32_coco.json")


@pytest.mark.parametrize("name", WRAPPED)
def test_a_released_file_predicts_what_its_own_code_predicts(golden: Path, tmp_path: Path, capsys, name: str) -> None:
    state = state_of(golden / f"{name}.json")
    torch.save(WRAPPED[name](state), tmp_path / "released.pth")
    checkpoint = tmp_path / "ours.ckpt"
    size = [] if name.startswith("hourglass") else ["--input", "256x192"]
    assert main(["convert", str(tmp_path / "released.pth"), "--output", str(checkpoint), *size]) == 0
    said = capsys.readouterr().out
    assert f"{len(state)} matched, 0 missing, 0 unexpected, 0 reshaped" in said

    estimator = Estimator.from_checkpoint(checkpoint)
    record = json.loads((golden / f"{name}.json").read_text())
    assert sum(parameter.numel() for parameter in estimator.model.parameters()) == record["parameters"]
    with np.load(golden / f"{name}.npz") as outputs, torch.inference_mode():
        # The record has no colours: what a picture becomes is tested with the layer that does it.
        estimator.model.normalise = nn.Identity()
        image = picture(*record["input"])
        layouts = torch.channels_last, torch.contiguous_format
        last, first = (estimator.model.to(memory_format=layout)(image) for layout in layouts)
        double = estimator.model.double()(image.double())
        assert len(double) == len(outputs.files)
        for number in range(len(double)):
            expected = outputs[f"output_{number}"].astype(np.float64)
            assert distance(double[number], expected) < AGREEMENT
            for single in (last, first):
                assert distance(single[number], expected) < ROUGH.get(name, AGREEMENT)


def distance(heatmaps: Tensor, expected: np.ndarray) -> float:
    """The norm of the difference over that of what is expected."""
    return float(np.linalg.norm(heatmaps[0].numpy() - expected) / np.linalg.norm(expected))


def test_what_belongs_to_the_weights_is_set(golden: Path, ppnet: dict[str, Tensor]) -> None:
    recipe = convert(ppnet, "ppnet", Setting(COCO, (384, 288))).recipe
    assert (recipe.input_size, recipe.padding, recipe.skeleton) == ((384, 288), 1.25, COCO)
    quarter = yaml.safe_load((CODECS / "quarter.yaml").read_text())
    assert recipe.codec == quarter | {"sigma": 3.0, "grid": "plain"}
    assert (recipe.model["colour"], recipe.model["mean"][0], recipe.model["std"][0]) == ("rgb", 0.485, 0.229)
    keys = json.loads((golden / "simple_baseline_r50_coco.json").read_text())["state_dict"]
    state = {key: torch.empty(shape, device="meta") for key, shape in keys.items()}
    assert convert(state, "simple_baseline", SETTING).recipe.model["colour"] == "bgr"
    assert convert(state, "simple_baseline", SETTING).recipe.codec["sigma"] == 2.0


def test_the_hourglass_is_read_by_pytorch_poses_codec(golden: Path) -> None:
    keys = json.loads((golden / "hourglass_s2_b1_mpii.json").read_text())["state_dict"]
    state = {key: torch.empty(shape, device="meta") for key, shape in keys.items()}
    skeleton = {**COCO, "joints": COCO["joints"][:16]}
    codec = build(convert(state, "pytorch_pose", Setting(skeleton, (256, 256))).recipe.codec)
    assert codec == build(yaml.safe_load((CODECS / "pytorch_pose.yaml").read_text()))


def test_the_converted_file_predicts_poses(ppnet: dict[str, Tensor], tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a.ckpt", convert(ppnet, "ppnet", SETTING).checkpoint())
    poses = Estimator.from_checkpoint(tmp_path / "a.ckpt").predict(np.full((100, 80, 3), 128, np.uint8))
    assert poses.keypoints.shape == (1, 17, 2)
    assert np.isfinite(poses.keypoints).all()


def test_every_kind_of_difference_is_named(ppnet: dict[str, Tensor]) -> None:
    state = {key: value for key, value in ppnet.items() if key != "fc.1.0.weight"}
    state["fc_.0.bias"] = torch.zeros(7)
    state["ema.decay"] = torch.zeros(1)
    with pytest.raises(ValueError, match="the file must fit a network of PPNet's release key by key") as caught:
        convert(state, "ppnet", SETTING)
    assert "546 matched, 1 missing (fc.1.0.weight), 1 unexpected (ema.decay), 1 reshaped " in str(caught.value)
    assert "(fc_.0.bias is 7, not 32)" in str(caught.value)


def test_old_files_without_counters_are_taken(ppnet: dict[str, Tensor]) -> None:
    old = {key: value for key, value in ppnet.items() if not key.endswith("num_batches_tracked")}
    conversion = convert(old, "ppnet", SETTING)
    assert len(conversion.report.matched) == len(old)
    assert len(conversion.report.counters) == len(ppnet) - len(old) > 0
    assert conversion.state.keys() == convert(ppnet, "ppnet", SETTING).state.keys()


def classifier(golden: Path) -> dict[str, Tensor]:
    """The keys of HRNet's ImageNet file: all scales from the last exchange, a classifier, no counters."""
    keys = json.loads((golden / "hrnet_w32_coco.json").read_text())["state_dict"]
    shapes = {key: shape for key, shape in keys.items() if "final" not in key and "batches" not in key}
    shapes |= {
        key.replace("stage4.1.", "stage4.2."): shape
        for key, shape in shapes.items()
        if key.startswith(("stage4.1.fuse_layers.1", "stage4.1.fuse_layers.2", "stage4.1.fuse_layers.3"))
    }
    shapes |= {"head.incre_modules.0.0.conv1.weight": [32, 32, 1, 1], "head.classifier.bias": [1000]}
    return {key: torch.zeros(shape) for key, shape in shapes.items()}


def test_a_classifiers_file_gives_a_backbone_and_only_when_asked(golden: Path, tmp_path: Path) -> None:
    state = classifier(golden)
    with pytest.raises(ValueError, match=r"the file must have a heatmap head .* --backbone"):
        convert(state, "hrnet", SETTING)
    conversion = convert(state, "hrnet", Setting(COCO, (256, 192), backbone=True))
    assert conversion.report.missing == conversion.report.unexpected == []
    assert {key.split(".")[0] for key in conversion.state} == {"body"}
    left = conversion.report.left_out
    assert any(key.startswith("head.classifier") for key in left)
    assert {key.split(".")[3] for key in left if key.startswith("stage4.2.fuse_layers")} == {"1", "2", "3"}
    del state["stage3.1.branches.0.1.conv1.weight"]
    with pytest.raises(ValueError, match=r"1 missing \(stage3\.1\.branches\.0\.1\.conv1\.weight\)"):
        convert(state, "hrnet", Setting(COCO, (256, 192), backbone=True))


def test_a_pose_file_is_no_backbone_and_needs_its_own_skeleton(ppnet: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="must be a classifier's"):
        convert(ppnet, "ppnet", Setting(COCO, (256, 192), backbone=True))
    with pytest.raises(ValueError, match="must have the 17 joints of the heatmaps in the file, got 2"):
        convert(ppnet, "ppnet", Setting({"joints": ["a", "b"]}, (256, 192)))
    with pytest.raises(ValueError, match="divisible by 16, got 250x192"):
        convert(ppnet, "ppnet", Setting(COCO, (250, 192)))


def test_releases_are_told_apart(golden: Path) -> None:
    for file in golden.glob("*.json"):
        keys = json.loads(file.read_text())["state_dict"]
        source = recognise(dict.fromkeys(keys, torch.zeros(1)), str(file))
        assert file.name.startswith(source) or (file.name.startswith("hourglass") and source == "pytorch_pose")
        assert joints_of({key: torch.empty(shape) for key, shape in keys.items()}, source) in (16, 17)
    with pytest.raises(ValueError, match=r"x\.pth must be of one of these: HRNet's release, .* keys begin with a\.b"):
        recognise({"a.b": torch.zeros(1)}, "x.pth")


def test_a_file_taken_for_another_kind_is_an_error(ppnet: dict[str, Tensor]) -> None:
    for source in ("hrnet", "simple_baseline", "pytorch_pose"):
        with pytest.raises(ValueError, match="the file"):
            convert(ppnet, source, SETTING)


def test_no_weights_share_memory_with_the_file(ppnet: dict[str, Tensor]) -> None:
    converted = official.convert(ppnet, "ppnet", SETTING).state
    assert converted["stem.0.0.weight"].data_ptr() != ppnet["conv1.weight"].data_ptr()
    assert torch.equal(converted["stem.0.0.weight"], ppnet["conv1.weight"])


def test_keys_of_pytorch_pose_find_the_places_of_the_same_role(golden: Path) -> None:
    keys = json.loads((golden / "hourglass_s2_b1_mpii.json").read_text())["state_dict"]
    rules = RELEASES["pytorch_pose"].rules({key: torch.empty(shape, device="meta") for key, shape in keys.items()})
    assert official.rename("layer1.0.downsample.0.bias", rules) == "stem.2.shortcut.bias"
    assert official.rename("res.1.0.conv1.weight", rules) == "features.1.0.0.main.1.weight"
    assert official.rename("hg.1.hg.3.0.0.bn1.weight", rules) == "hourglasses.1.skip.0.main.0.0.weight"
    assert official.rename("hg.0.hg.0.3.0.conv2.bias", rules) == "hourglasses.0.inner.inner.inner.inner.0.main.3.bias"
    assert official.rename("hg.0.hg.2.2.0.conv3.bias", rules) == "hourglasses.0.inner.up.0.main.5.bias"


@pytest.mark.parametrize(
    "settings",
    [
        {"modules": 3, "blocks": 1, "width": 4, "branches": 4, "depth_ratio": [1, 2, 3], "width_ratio": [1, 2, 1]},
        {"modules": 1, "blocks": 2, "width": 4, "branches": 3, "block": "module"},
    ],
)
def test_other_members_of_a_family_are_measured_from_their_weights(settings: dict[str, Any]) -> None:
    with torch.device("meta"):
        model = PPNet(3, **settings)
    state = {theirs(key): value for key, value in model.state_dict().items()}
    found = convert(state, "ppnet", Setting({"joints": ["a", "b", "c"]}, (96, 96)))
    assert {key: found.recipe.model[key] for key in settings} == settings
    assert found.state.keys() == model.state_dict().keys()


def theirs(key: str) -> str:
    """PPNet's keys back in the release's words."""
    for pattern, replacement in (
        (r"^stem\.([01])\.([01])\.", lambda match: f"{('conv', 'bn')[int(match[2])]}{int(match[1]) + 1}."),
        (r"^stem\.2\.", "layer1."),
        (r"^spread\.paths\.0\.0\.", "input_layer.0."),
        (r"^spread\.paths\.", "input_layer."),
        (r"^pyramids\.(\d)\.paths\.", r"ppnet.\1.branches."),
        (r"^exchanges\.(\d)\.targets\.(\d)\.paths\.(\d)\.", r"ppnet.\1.fuse_layers.\2.\3."),
        (r"\.main\.(\d)\.([01])\.", lambda match: f".{('conv', 'bn')[int(match[2])]}{int(match[1]) + 1}."),
        (r"\.shortcut\.", ".downsample."),
        (r"^features\.", "fc."),
        (r"^heads\.", "heatmap_layer."),
        (r"^merge_features\.", "fc_."),
        (r"^merge_heatmaps\.", "heatmap_layer_."),
    ):
        key = re.sub(pattern, replacement, key)
    upwards = re.match(r"(ppnet\.\d\.fuse_layers\.(\d)\.(\d)\.)0\.(.*)", key)
    return upwards[1] + upwards[4] if upwards and upwards[3] > upwards[2] else key
