"""The papers' trainings by name: what each says of itself and sets is what the paper prints."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest
import yaml
from torch import nn

from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer, Config
from posepyr.measurement.complexity import build_on_meta
from posepyr.nodes import build

FOLDER = catalogue.configuration_folder()
EXPERIMENTS = catalogue.choices([FOLDER], "experiment")
FAMILIES = ("pyranet", "hrnet", "simple_baseline", "ppnet", "mssh")
STUDIES = ("*_figures", "pyranet/variance_*")
RECIPES = [
    name
    for name in EXPERIMENTS
    if name.split("/")[0] in FAMILIES and not any(fnmatch(name, pattern) for pattern in STUDIES)
]
"""The papers' own trainings, unlike what studies them or is made small for drawn people."""

AP = {
    # HRNet, tables 1, 2 and 6, section 4.4
    "hrnet/coco_w32_256x192_scratch": "73.4", "hrnet/coco_w32_256x192": "74.4", "hrnet/coco_w48_256x192": "75.1",
    "hrnet/coco_w32_384x288": "75.8", "hrnet/coco_w48_384x288": "76.3",
    "hrnet/coco_w32_256x192_scratch_exchange_last": "70.8",
    "hrnet/coco_w32_256x192_scratch_exchange_stage_ends": "71.9",
    "hrnet/coco_w32_256x192_scratch_from_start": "72.5",
    # HRNet, table 1, and PPNet, table IX
    "simple_baseline/coco_r50_256x192": "70.4", "simple_baseline/coco_r101_256x192": "71.4",
    "simple_baseline/coco_r152_256x192": "72.0", "simple_baseline/coco_r152_384x288": "74.3",
    "simple_baseline/coco_r50_384x288": "72.2", "simple_baseline/coco_r101_384x288": "73.6",
    # PPNet, tables I to IV
    "ppnet/coco_m2_d2_w32_256x192": "70.9", "ppnet/coco_m2_d2_w32_384x288": "72.3",
    "ppnet/coco_m2_d3_w32_256x192": "71.5", "ppnet/coco_m2_d3_w32_384x288": "73.2",
    "ppnet/coco_m4_d2_w32_256x192": "72.7", "ppnet/coco_m4_d2_w32_384x288": "74.3",
    "ppnet/coco_m4_d3_w32_256x192": "73.6", "ppnet/coco_m4_d3_w32_384x288": "74.7",
    "ppnet/coco_m4_d3_w48_256x192": "74.4", "ppnet/coco_m4_d3_w48_384x288": "75.8",
    "ppnet/coco_m4_d2_w48_384x288": "75.5",
    "ppnet/coco_simple_baseline_r50_256x192": "69.9", "ppnet/coco_simple_baseline_r50_384x288": "70.8",
    "ppnet/coco_simple_baseline_r101_256x192": "71.2", "ppnet/coco_simple_baseline_r101_384x288": "73.0",
    "ppnet/coco_simple_baseline_r152_256x192": "71.3", "ppnet/coco_simple_baseline_r152_384x288": "73.0",
    "ppnet/coco_hg2_256x192": "71.7", "ppnet/coco_hg4_256x192": "73.5", "ppnet/coco_hg8_256x192": "74.8",
    "ppnet/coco_hrnet_w32_256x192": "73.4", "ppnet/coco_hrnet_w32_384x288": "73.9",
    "ppnet/coco_hrnet_w48_256x192": "74.7", "ppnet/coco_hrnet_w48_384x288": "75.0",
    # PPNet, table VII, the text to figure 9, tables VIII, IX and XI
    "ppnet/coco_m2_d2_w32_256x192_modules": "71.6", "ppnet/coco_m4_d2_w32_256x192_modules": "73.6",
    "ppnet/coco_m1_d8_w32_256x192": "71.4", "ppnet/coco_m2_d4_w32_256x192": "72.6",
    "ppnet/coco_m2_d2_w32_384x288_resolution_2_3": "71.9", "ppnet/coco_m2_d2_w32_384x288_resolution_3_2": "71.4",
    "ppnet/coco_m2_d2_w32_256x192_pretrained": "72.1", "ppnet/coco_m2_d2_w32_384x288_pretrained": "73.8",
    "ppnet/coco_m4_d2_w32_256x192_pretrained": "73.8", "ppnet/coco_m4_d2_w32_384x288_pretrained": "75.7",
    "ppnet/coco_m2_d2_w32_256x192_dark": "71.8", "ppnet/coco_m2_d2_w32_256x192_udp": "72.0",
    "ppnet/coco_m2_d2_w32_384x288_dark": "72.7", "ppnet/coco_m2_d2_w32_384x288_udp": "72.6",
}  # fmt: skip
"""On val2017 in a detector's boxes."""

OTHERS = {
    # PyraNet, section 5.1.3 and tables 1 and 2; HRNet, table 7, for the validation people
    "pyranet/mpii_hg2": ["87.6", "test/pckh 0.876"], "pyranet/mpii_hg2_control": ["88.0", "test/pckh 0.880"],
    "pyranet/mpii_hg2_prm": ["88.5", "test/pckh 0.885"],
    "pyranet/mpii_hg8": ["90.9", "90.0", "test/pckh 0.900"],
    "pyranet/mpii_hg8_prm": ["91.8", "90.3", "test/pckh 0.903", "89.6", "val/pckh 0.896"],
    "pyranet/mpii_hg8_prm_all": ["92.0"], "pyranet/lsp_hg8_prm": ["93.9", "test/pck 0.939"],
    # HRNet, tables 2, 3, 5, 7 and 8
    "hrnet/coco_w48_384x288_ai": ["77.0"], "hrnet/mpii_w32_all": ["92.3"], "hrnet/mpii_w48_all": ["92.3"],
    "hrnet/mpii_w32": ["90.3", "val/pckh_weighted 0.903", "90.8", "test/pckh_weighted 0.908"],
    "hrnet/posetrack_w48": ["77.3", "74.9", "57.9"],
    "simple_baseline/mpii_r152": ["89.6", "val/pckh_weighted 0.896", "90.1", "test/pckh_weighted 0.901", "91.5"],
    # PPNet, table VI
    "ppnet/mpii_m4_d2_w32": ["89.7", "test/pckh_weighted 0.897"],
    "ppnet/mpii_m4_d3_w32": ["90.0", "test/pckh_weighted 0.900"],
    "ppnet/mpii_hg2": ["89.2", "test/pckh_weighted 0.892"], "ppnet/mpii_hg4": ["90.2", "test/pckh_weighted 0.902"],
    "ppnet/mpii_hrnet_w32": ["89.5", "test/pckh_weighted 0.895"],
    "ppnet/mpii_simple_baseline_r152": ["88.3", "test/pckh_weighted 0.883"],
    # MSSH, sections 5.2 and 5.3, tables 1 to 3
    "mssh/mpii": ["89.91", "test/pckh 0.8991", "91.2"], "mssh/mpii_hg8": ["88.78", "test/pckh 0.8878"],
    "mssh/mpii_residual": ["89.19", "test/pckh 0.8919", "89.25"],
    "mssh/mpii_inception_b": ["82.95", "test/pckh 0.8295"],
    "mssh/mpii_lateral": ["88.66", "test/pckh 0.8866"], "mssh/mpii_concatenation": ["89.36", "test/pckh 0.8936"],
    "mssh/lsp": ["91.4", "test/pck 0.914", "89.5", "test/pcp 0.895"],
}  # fmt: skip

NO_NUMBER = ("no number", "none is printed", "no other number", "by the text")

SIX = [0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
HOURGLASS = {"codec.sigma": 1.0, "codec.quantise": True, "codec.refine": "quarter", "codec.half_cell": True}
RELEASED = {"codec.quantise": True, "codec.refine": "quarter", "codec.half_cell": False, "codec.grid": "plain"}
WIDE_ANGLE = {"augment.scale": 0.35, "augment.rotation": 45.0, "augment.rotation_limit": 45.0}
ADAM, RMSPROP = "torch.optim.Adam", "torch.optim.RMSprop"
MULTIBRANCH, AS_BUILT = "multibranch.MultiBranch", "schemes.AsBuilt"

RULES: list[tuple[str, dict[str, Any]]] = [
    ("*", {"protocol.flip": True}),
    ("*_128x96*", {"data.input_size": [128, 96], "codec.sigma": 1.0}),
    ("*_256x192*", {"data.input_size": [256, 192], "codec.sigma": 2.0}),
    ("*_384x288*", {"data.input_size": [384, 288], "codec.sigma": 3.0}),
    ("*/mpii_*", {"data.input_size": [256, 256], "data.source.splits.test": "valid"}),
    ("*/coco_*", {"metrics.ap._target_": "posepyr.metrics.average_precision.AveragePrecision"}),
    ("*/mpii_*_all", {"data.source.splits.train": "trainval", "test": False}),
    ("*/lsp*", {"data.source.evaluate_on": "lsp", "metrics.pcp.threshold": 0.5, "metrics.pck.threshold": 0.2}),
    ("pyranet/*", {**HOURGLASS, "codec.signed": False, "visibility.unlabelled_weight": 1.0,
                   "visibility.outside_weight": 1.0, "loss.form": "halved_sum", "protocol.scales": SIX,
                   "data.batch_size": 16, "data.device_batch": 4, "augment.scale": 0.25, "augment.rotation": 30.0}),
    ("pyranet/mpii_*", {"metrics.pckh.strict": True}),
    ("pyranet/mpii_hg2*", {"data.train_scored": 2958}),
    ("hrnet/*", {**RELEASED, **WIDE_ANGLE, "augment.half_body": 0.3, "augment.rotation_probability": 0.6,
                 "optimizer._target_": ADAM, "optimizer.weight_decay": 0, "visibility.unlabelled_weight": 0.0}),
    ("hrnet/*_scratch*", {"init._target_": "posepyr.initialisation.schemes.Normal", "init.std": 0.001}),
    ("hrnet/*_heatmaps", {"model.heatmaps": [1, 2, 4, 8], "protocol.stages": True}),
    ("hrnet/mpii_*", {"protocol.scales": SIX, "metrics.pckh.strict": False}),
    ("hrnet/posetrack_*", {"data.source.folder": "posetrack17", "data.source.box": "joints"}),
    ("simple_baseline/*", {**RELEASED, "augment.scale": 0.3, "augment.rotation": 40.0, "augment.half_body": 0.0,
                           "optimizer._target_": ADAM, "data.batch_size": 128}),
    ("simple_baseline/mpii_*", {"protocol.scales": SIX}),
    ("ppnet/*", {**WIDE_ANGLE, "augment.half_body": 0.0, "protocol.scales": [1.0], "metrics.pckh.strict": False}),
    ("ppnet/mpii_*", {"codec.sigma": 2.0, **RELEASED}),
    ("mssh/*", {**HOURGLASS, "optimizer._target_": RMSPROP, "data.batch_size": 4, "data.input_size": [256, 256],
                "protocol.scales": [1.0], "augment.rotation_probability": 0.6}),
    ("mssh/mpii*", {"data.train_scored": 2958}),
    *((name, {"codec.signed": True, "metrics.occlusion._target_": "posepyr.metrics.occlusion.Occlusion"})
      for name in ("mssh/lsp", "mssh/mpii", "mssh/mpii_[!h]*")),
]  # fmt: skip
"""What the recipes that a pattern matches set."""

SCHEDULES: list[tuple[str, str, int, dict[int, float]]] = [
    ("pyranet/*", RMSPROP, 200, {0: 7e-4, 150: 7e-5, 170: 7e-6}),
    ("hrnet/posetrack_*", ADAM, 20, {0: 1e-4, 10: 1e-5, 15: 1e-6}),
    ("hrnet/*", ADAM, 210, {0: 1e-3, 170: 1e-4, 200: 1e-5}),
    ("simple_baseline/*", ADAM, 140, {0: 1e-3, 90: 1e-4, 120: 1e-5}),
    ("ppnet/coco_hrnet_*", ADAM, 210, {0: 1e-3, 170: 1e-4, 200: 1e-5}),
    ("ppnet/coco_simple_*", ADAM, 210, {0: 1e-3, 170: 1e-4, 200: 1e-5}),
    ("ppnet/coco_*", RMSPROP, 210, {0: 2.5e-4, 170: 2.5e-5, 200: 2.5e-6}),
    ("ppnet/mpii_hrnet_*", ADAM, 160, {0: 1e-3, 120: 1e-4, 150: 1e-5}),
    ("ppnet/mpii_simple_*", ADAM, 160, {0: 1e-3, 120: 1e-4, 150: 1e-5}),
    ("ppnet/mpii_*", RMSPROP, 160, {0: 2.5e-4, 120: 2.5e-5, 150: 2.5e-6}),
    ("mssh/*", RMSPROP, 220, {0: 2.5e-4, 150: 2.5e-5, 175: 2.5e-6, 200: 2.5e-7}),
]
"""The first pattern that matches: optimizer, epochs, and the rate from the start of each stretch of epochs on."""

BATCHES = {
    "ppnet/coco_m4_d2_w48_384x288": 24, "ppnet/coco_m4_d3_w48_384x288": 16, "ppnet/coco_hrnet_w48_384x288": 16,
    "hrnet/coco_w48_384x288": 96, "hrnet/coco_w48_384x288_ai": 96, "hrnet/posetrack_w48": 96,
}  # fmt: skip
"""Where the usual ones, 128 of HRNet and 32 of PPNet, are too large."""

SMALL = "ppnet/coco_m2_d2_w32_256x192"
CHANGES: dict[str, tuple[str, set[str]]] = {
    "pyranet/mpii_hg2_control": ("pyranet/mpii_hg2", {"model.shortcut"}),
    "pyranet/mpii_hg2_wide": ("pyranet/mpii_hg2", {"model.block.inner"}),
    "pyranet/mpii_hg8": ("pyranet/mpii_hg2", {"model.stacks", "data.train_scored"}),
    "pyranet/mpii_hg8_prm": ("pyranet/mpii_hg2_prm", {"model.stacks", "data.train_scored"}),
    "pyranet/mpii_hg8_prm_all": ("pyranet/mpii_hg8_prm", {"data.source.splits.train", "test"}),
    "pyranet/lsp_hg8_prm": ("pyranet/mpii_hg8_prm", {"data", "skeleton", "metrics", "checkpoint"}),
    **{f"pyranet/mpii_hg2_prm_{variant}": ("pyranet/mpii_hg2_prm", {"model.block.variant"}) for variant in "abcd"},
    **{f"pyranet/mpii_hg2_prm_levels_{count}": ("pyranet/mpii_hg2_prm", {"model.block.levels"}) for count in (3, 5)},
    **{f"pyranet/mpii_hg2_prm_{scheme}": ("pyranet/mpii_hg2_prm", {"init"}) for scheme in ("xavier", "msr")},
    "hrnet/coco_w32_256x192": ("hrnet/coco_w32_256x192_scratch", {"init"}),
    "hrnet/coco_w48_256x192": ("hrnet/coco_w32_256x192", {"model.width", "init.file"}),
    "hrnet/coco_w32_384x288": ("hrnet/coco_w32_256x192", {"data.input_size", "codec.sigma"}),
    "hrnet/coco_w48_384x288_ai": ("hrnet/coco_w48_384x288", {"data.source"}),
    **{
        f"hrnet/coco_w32_256x192_scratch_{name}": ("hrnet/coco_w32_256x192_scratch", {key})
        for name, key in (("exchange_last", "model.exchange"), ("exchange_stage_ends", "model.exchange"),
                          ("from_start", "model.resolutions"))
    },
    "hrnet/mpii_w48_all": ("hrnet/mpii_w32_all", {"model.width", "init.file"}),
    "ppnet/coco_hrnet_w32_256x192": ("hrnet/coco_w32_256x192_scratch", {"augment.half_body", "data.batch_size"}),
    "ppnet/coco_hg8_256x192": ("ppnet/coco_hg2_256x192", {"model.stacks"}),
    **{f"{SMALL}_{kind}_{ratio}": (SMALL, {f"model.{kind}_ratio"}) for kind in ("depth", "width")
       for ratio in ("2_3", "3_2", "3_3")},
    **{
        f"{SMALL}_{name}": (SMALL, {key})
        for name, key in (("modules", "model.block"), ("branches_4", "model.branches"), ("pretrained", "init"),
                          ("dark", "codec"), ("udp", "codec"))
    },
    "ppnet/mpii_m4_d3_w32": ("ppnet/mpii_m4_d2_w32", {"model.blocks"}),
    "mssh/mpii_equal_weights": ("mssh/mpii", {"loss"}),
    "mssh/mpii_residual": ("mssh/mpii", {"model.block"}),
    "mssh/mpii_inception_b": ("mssh/mpii", {"model.block.variant"}),
    "mssh/mpii_lateral": ("mssh/mpii", {"model.lateral"}),
    "mssh/mpii_concatenation": ("mssh/mpii", {"model.fusion"}),
}  # fmt: skip
"""What a recipe is compared with, and all that differs."""


@cache
def composer() -> Composer:
    return Composer()


@cache
def composed(name: str) -> Config:
    return composer().job([f"experiment={name}"]).config


@cache
def network(node: str, joints: int) -> nn.Module:
    """Built once for all recipes that share it."""
    return build_on_meta(yaml.safe_load(node), joints=joints)


def flat(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by its dotted key."""
    if not isinstance(config, Mapping) or not config:
        yield path, config
        return
    for key, value in config.items():
        yield from flat(value, f"{path}.{key}" if path else str(key))


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name.split("/")[0] in FAMILIES])
def test_every_experiment_composes_and_can_be_built(name: str) -> None:
    config = composed(name)
    assert config["name"] == name.replace("/", "_")
    model: Any = network(yaml.safe_dump(config["model"]), len(config["skeleton"]["joints"]))
    assert [side % model.divisor for side in config["data"]["input_size"]] == [0, 0]
    optimizer = build(config["optimizer"])(model.parameters())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    assert config["checkpoint"]["monitor"] in {f"val/{score}" for score in config["metrics"]}
    for group in ("codec", "visibility", "loss", "protocol", "init", "augment", "skeleton", "scheduler"):
        build(config[group])


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_expected_is_what_the_paper_prints(name: str) -> None:
    notes = catalogue.header(EXPERIMENTS[name]).notes
    if name in AP:
        assert f"AP of {AP[name]} on val2017" in notes["expected"]
        assert f"val_detbox/ap {float(AP[name]) / 100:.3f} " in notes["expected"]
    for number in OTHERS.get(name, []):
        assert number in notes["expected"]
    if name not in {*AP, *OTHERS}:
        assert any(words in notes["expected"] for words in NO_NUMBER)
    assert ("--split val data=coco_detections" in notes.get("score", "")) == ("/coco_" in name)


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_set_is_what_the_paper_says(name: str) -> None:
    values = dict(flat(composed(name)))
    for pattern, expected in RULES:
        if fnmatch(name, pattern):
            present = {key: value for key, value in expected.items() if not _is_of_other_metrics(key, values)}
            assert {key: values.get(key, "missing") for key in present} == present, pattern
    if name.startswith("pyranet/") and not name.endswith(("_xavier", "_msr")):
        pyramids = values["model.block._target_"] == "posepyr.layers.pyramid.PyramidBlocks"
        assert values["init._target_"] == f"posepyr.initialisation.{MULTIBRANCH if pyramids else AS_BUILT}"


def _is_of_other_metrics(key: str, values: Mapping[str, Any]) -> bool:
    return key.startswith("metrics.pckh.") and "metrics.pckh._target_" not in values


@pytest.mark.parametrize("name", RECIPES)
def test_rates_by_epoch(name: str) -> None:
    config = composed(name)
    target, epochs, rates = next(rest for pattern, *rest in SCHEDULES if fnmatch(name, pattern))
    assert (config["optimizer"]["_target_"], config["trainer"]["max_epochs"]) == (target, epochs)
    schedule, lr = build(config["scheduler"]), config["optimizer"]["lr"]
    found = [lr * schedule(10 * epoch, 10 * epochs, 10) for epoch in range(epochs)]
    changes = {epoch: rate for epoch, rate in enumerate(found) if epoch == 0 or rate != found[epoch - 1]}
    assert changes == pytest.approx(rates)
    usual = {"pyranet": 16, "hrnet": 128, "simple_baseline": 128, "ppnet": 32, "mssh": 4}[name.split("/")[0]]
    assert config["data"]["batch_size"] == BATCHES.get(name, usual)


@pytest.mark.parametrize("name", CHANGES)
def test_an_ablation_changes_nothing_else(name: str) -> None:
    base, allowed = CHANGES[name]
    one, other = dict(flat(composed(name))), dict(flat(composed(base)))
    differing = {key for key in {**one, **other} if one.get(key, ...) != other.get(key, ...)} - {"name"}
    assert differing
    strange = {key for key in differing if not any(key == part or key.startswith(f"{part}.") for part in allowed)}
    assert not strange
    assert all(any(key == part or key.startswith(f"{part}.") for key in differing) for part in allowed)


@pytest.mark.parametrize("name", [*RECIPES, "cifar10/resnext_29_8x64d_prm", "imagenet/resnet_50"])
def test_recipes_log_to_weights_and_biases(name: str) -> None:
    assert composed(name)["logger"]["_target_"] == "posepyr.training.loggers.wandb_log.make_wandb"


def test_weights_are_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSEPYR_WEIGHTS", raising=False)
    line = ["experiment=hrnet/coco_w48_256x192"]
    assert composer().job(line).config["init"]["file"] == "weights/hrnet_w48_imagenet.ckpt"
    monkeypatch.setenv("POSEPYR_WEIGHTS", "/archives/weights")
    assert composer().job(line).config["init"]["file"] == "/archives/weights/hrnet_w48_imagenet.ckpt"


@pytest.mark.parametrize("family", ["hrnet", "ppnet", "mssh"])
def test_sweeps_are_of_experiments_that_there_are(family: str) -> None:
    sweeps = catalogue.choices([FOLDER], f"sweep/{family}")
    assert sweeps
    for path in sweeps.values():
        names = yaml.safe_load(path.read_text())["hydra"]["sweeper"]["params"]["experiment"].split(", ")
        assert len(set(names)) == len(names) > 1
        assert set(names) <= set(RECIPES)
