"""The papers' trainings: what each row's command sets is what the paper says."""

from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from posepyr.configuration import catalogue
from posepyr.configuration.compose import Composer, Config
from posepyr.configuration.defaults import complete
from posepyr.configuration.networks import input_size, is_classification, network_group
from posepyr.configuration.outline import outline
from posepyr.configuration.papers import PaperRow
from posepyr.measurement.complexity import build_on_meta
from posepyr.nodes import build
from support.recipes import ROWS, TRAININGS, flat

FOLDERS = catalogue.search_folders()
EXPERIMENTS = catalogue.choices(FOLDERS, "experiment")
POSES = {line: choices for line, choices in TRAININGS.items() if not line.startswith(("cifar10/", "imagenet"))}
"""The trainings of pose networks; test_experiments has those of classifiers."""

SIX = [0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
HOURGLASS = {"codec.sigma": 1.0, "codec.quantise": True, "codec.refine": "quarter", "codec.half_cell": True,
             "codec.border": "pytorch_pose"}  # fmt: skip
PLAIN = {"codec.half_cell": False, "codec.quantise": True, "codec.refine": "quarter", "codec.grid": "plain",
         "codec.border": "hrnet"}  # fmt: skip
WIDE_ANGLE = {"augment.scale": 0.35, "augment.rotation": 45.0, "augment.rotation_limit": 45.0}
GLOBAL_AND_REFINED = [0.125, 0.125, 0.125, 0.125, 1.0]
"""The weights of CPN's outputs, as released: GlobalNet's four together count half."""
ADAM, RMSPROP = "torch.optim.Adam", "torch.optim.RMSprop"
MULTIBRANCH, AS_BUILT = "multibranch.MultiBranch", "schemes.AsBuilt"
SIZES = {
    "data.input_size=[320,256]": ([320, 256], 2.5),
    "input=128x96": ([128, 96], 1.0),
    "input=256x192": ([256, 192], 2.0),
    "input=384x288": ([384, 288], 3.0),
}
"""The input size and the Gaussians' deviation of COCO's trainings."""

RULES: list[tuple[str, dict[str, Any]]] = [
    ("*", {"protocol.flip": True, "codec.mirror": "pixels", "visibility.drawn": "reaching"}),
    ("*/mpii*", {"data.input_size": [256, 256], "data.source.splits.test": "valid"}),
    ("*/coco*", {"metrics.ap._target_": "posepyr.metrics.average_precision.AveragePrecision"}),
    ("*/mpii*=trainval *", {"data.source.splits.train": "trainval", "test": False}),
    ("*/lsp*", {"data.source.evaluate_on": "lsp", "metrics.pcp.threshold": 0.5, "metrics.pck.threshold": 0.2}),
    ("pyranet/*", {**HOURGLASS, "codec.signed": False, "visibility.unlabelled_weight": 1.0,
                   "visibility.outside_weight": 1.0, "loss.form": "halved_sum", "protocol.scales": SIX,
                   "data.batch_size": 16, "data.device_batch": 4, "augment.scale": 0.25, "augment.rotation": 30.0}),
    ("pyranet/mpii*", {"metrics.pckh.strict": True}),
    ("pyranet/mpii", {"model.stacks": 8, "data.train_scored": 0}),
    ("pyranet/lsp", {"model.stacks": 8}),
    ("pyranet/mpii_ablation*", {"model.stacks": 2, "data.train_scored": 2958}),
    ("hrnet/*", {**PLAIN, **WIDE_ANGLE, "augment.half_body": 0.3, "augment.rotation_probability": 0.6,
                 "optimizer._target_": ADAM, "optimizer.weight_decay": 0, "visibility.unlabelled_weight": 0.0}),
    ("hrnet/*", {"loss.form": "mean"}),
    ("simple_baseline/*", {"loss.form": "mean"}),
    ("ppnet/*", {"loss.form": "mean"}),
    ("hrnet/* init=normal*", {"init._target_": "posepyr.initialisation.schemes.Normal", "init.std": 0.001}),
    ("hrnet/coco model=hrnet_w48*", {"init.file": "weights/hrnet_w48_imagenet.ckpt"}),
    ("hrnet/coco* model.heatmaps=*", {"model.heatmaps": [1, 2, 4, 8], "protocol.stages": True}),
    ("hrnet/mpii*", {"protocol.scales": SIX, "metrics.pckh.strict": False}),
    ("hrnet/posetrack*", {"data.source.folder": "posetrack17", "data.source.box": "joints", "data.batch_size": 96,
                          "data.input_size": [384, 288], "codec.sigma": 3.0, "model.width": 48,
                          "init.file": "weights/hrnet_w48_coco_384x288.ckpt"}),
    ("simple_baseline/*", {**PLAIN, "augment.scale": 0.3, "augment.rotation": 40.0, "augment.half_body": 0.0,
                           "optimizer._target_": ADAM, "data.batch_size": 128}),
    ("simple_baseline/*_r101*", {"init.file": "weights/resnet_101_imagenet.ckpt"}),
    ("simple_baseline/mpii*", {"protocol.scales": SIX, "init.file": "weights/resnet_152_imagenet.ckpt"}),
    ("hrnet/posetrack *=train+val *", {"data.source.splits.train": "train+val", "test": False}),
    ("cpn/*", {**PLAIN, **WIDE_ANGLE, "augment.half_body": 0.0, "optimizer.weight_decay": 1e-5}),
    ("cpn/coco", {"init.file": "weights/resnet_50_imagenet.ckpt", "model.depth": 50,
                  "loss._target_": "posepyr.losses.StagedMSE", "loss.stage_weights": GLOBAL_AND_REFINED}),
    ("cpn/coco loss=*", {"loss._target_": "posepyr.losses.HardJointMSE", "loss.hardest": 8, "loss.mined": "last",
                         "loss.stage_weights": GLOBAL_AND_REFINED}),
    ("cpn/coco model=hourglass *", {"model.stacks": 8, "loss.stage_weights": None}),
    ("ppnet/*", {**WIDE_ANGLE, "augment.half_body": 0.0, "protocol.scales": [1.0], "metrics.pckh.strict": False}),
    ("ppnet/* init=imagenet", {"init._target_": "posepyr.checkpoints.weights.Pretrained"}),
    ("ppnet/mpii*", {"codec.sigma": 2.0, **PLAIN}),
    ("mssh/*", {**HOURGLASS, "optimizer._target_": RMSPROP, "data.batch_size": 4, "data.input_size": [256, 256],
                "protocol.scales": [1.0], "augment.rotation_probability": 0.6, "loss.form": "pixel_sum"}),
    ("mssh/mpii*", {"data.train_scored": 2958}),
    *((line, {"codec.signed": True, "metrics.occlusion._target_": "posepyr.metrics.occlusion.Occlusion"})
      for line in ("mssh/lsp", "mssh/mpii", "mssh/mpii loss=*", "mssh/mpii model=mssh*", "mssh/mpii model.*")),
]  # fmt: skip
"""What the trainings that a pattern matches set."""

SCHEDULES: list[tuple[str, str, int, dict[int, float]]] = [
    ("pyranet/*", RMSPROP, 200, {0: 7e-4, 150: 7e-5, 170: 7e-6}),
    ("hrnet/posetrack*", ADAM, 20, {0: 1e-4, 10: 1e-5, 15: 1e-6}),
    ("hrnet/*", ADAM, 210, {0: 1e-3, 170: 1e-4, 200: 1e-5}),
    ("simple_baseline/*", ADAM, 140, {0: 1e-3, 90: 1e-4, 120: 1e-5}),
    ("cpn/*", ADAM, 160, {24 * halvings: 5e-4 * 0.5**halvings for halvings in range(7)}),
    ("ppnet/coco_baselines*", ADAM, 210, {0: 1e-3, 170: 1e-4, 200: 1e-5}),
    ("ppnet/coco*", RMSPROP, 210, {0: 2.5e-4, 170: 2.5e-5, 200: 2.5e-6}),
    ("ppnet/mpii_baselines*", ADAM, 160, {0: 1e-3, 120: 1e-4, 150: 1e-5}),
    ("ppnet/mpii*", RMSPROP, 160, {0: 2.5e-4, 120: 2.5e-5, 150: 2.5e-6}),
    ("mssh/*", RMSPROP, 220, {0: 2.5e-4, 150: 2.5e-5, 175: 2.5e-6, 200: 2.5e-7}),
]
"""The first pattern that matches: optimizer, epochs, and the rate from the start of each stretch of epochs on."""

BATCHES = {
    "ppnet/coco model=ppnet_m4_d2_w48 input=384x288*": 24, "ppnet/coco model=ppnet_m4_d3_w48 input=384x288*": 16,
    "ppnet/coco_baselines model=hrnet_w48 input=384x288*": 16, "hrnet/coco*model=hrnet_w48 input=384x288*": 96,
    "hrnet/posetrack*": 96, "cpn/*": 32, "pyranet/*": 16, "hrnet/*": 128, "simple_baseline/*": 128, "ppnet/*": 32,
    "mssh/*": 4,
}  # fmt: skip
"""The first pattern that matches: 128 of HRNet and 32 of PPNet are too large for some."""

BASES: dict[str, tuple[str, set[str]]] = {
    "pyranet/mpii_ablation": ("pyranet/mpii", {"model.stacks", "data.train_scored"}),
    "pyranet/lsp": ("pyranet/mpii", {"data.source", "skeleton", "metrics", "checkpoint.monitor"}),
    "hrnet/mpii": ("hrnet/coco", {"data.source", "data.input_size", "skeleton", "metrics", "checkpoint.monitor",
                                  "protocol.scales"}),
    "simple_baseline/mpii": ("simple_baseline/coco", {
        "data.source", "data.input_size", "skeleton", "metrics", "checkpoint.monitor", "protocol.scales",
        "model.depth", "init.file"}),
    "ppnet/coco_baselines": ("hrnet/coco", {"augment.half_body", "data.batch_size", "init"}),
    "ppnet/mpii": ("ppnet/coco", {"data.source", "data.input_size", "skeleton", "metrics", "checkpoint.monitor",
                                  "model.modules", "scheduler.drops", "trainer.max_epochs"}),
    "ppnet/mpii_baselines": ("ppnet/coco_baselines", {
        "data.source", "data.input_size", "skeleton", "metrics", "checkpoint.monitor", "scheduler.drops",
        "trainer.max_epochs"}),
}  # fmt: skip
"""An experiment, another, and all that differs."""

REACH = {
    "input": ("data.input_size", "codec.sigma"),
    "data": ("data", "skeleton"),
    "model": ("model", "init.file"),
    "data.source.splits.train": ("data.source.splits",),
}
"""What a group's choice may change beside the group."""


@cache
def composer() -> Composer:
    return Composer()


@cache
def composed(*choices: str) -> Config:
    return composer().job(choices).config


@cache
def network(node: str, joints: int) -> nn.Module:
    """Built once for all recipes that share it."""
    return build_on_meta(yaml.safe_load(node), joints=joints)


def differing(one: Config, other: Config) -> set[str]:
    a, b = flat(one), flat(other)
    return {key for key in {**a, **b} if a.get(key, ...) != b.get(key, ...)} - {"name"}


def lies_in(key: str, part: str) -> bool:
    return key == part or key.startswith(f"{part}.")


@pytest.mark.parametrize("line", [*POSES, *(name for name in EXPERIMENTS if "figures/" in name)])
def test_every_training_composes_and_can_be_built(line: str) -> None:
    config = composed(*POSES.get(line, [f"experiment={line}"]))
    assert config["name"] == line.split()[0].replace("/", "_")
    model: Any = network(yaml.safe_dump(config["model"]), len(config["skeleton"]["joints"]))
    assert [side % model.divisor for side in config["data"]["input_size"]] == [0, 0]
    optimizer = build(config["optimizer"])(model.parameters())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    assert config["checkpoint"]["monitor"] in {f"val/{score}" for score in config["metrics"]}
    for group in ("codec", "visibility", "loss", "protocol", "init", "augment", "skeleton", "scheduler"):
        build(config[group])


def title(row: PaperRow) -> str:
    return f"{row.place.paper} {row.place.short} {row.title}"


@pytest.mark.parametrize("row", [row for row in ROWS if row.trains], ids=title)
def test_what_a_row_is_scored_by_is_what_its_run_scores(row: Any) -> None:
    config = composed(*row.choices)
    quantities = {name.partition("/")[2].split("_weighted")[0] for name in row.scores}
    if is_classification(config):
        assert quantities <= {"top1", "top5"}
    else:
        assert quantities <= config["metrics"].keys()
    for name in row.scores:
        split = name.partition("/")[0]
        detected = "--split val data=coco_detections" in row.score
        assert detected if split == "val_detbox" else not row.score, "the command that takes the score"
        assert split in ("val", "val_detbox") or config["test"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.size.network is None and not row.reason], ids=title)
def test_the_outline_is_what_is_composed(row: Any) -> None:
    config = composed(*row.choices)
    sketch = outline(FOLDERS, row.experiment, row.overrides)
    joints = sketch.network.pop("joints", 0)
    assert complete(sketch.network, network_group(config)) == config[network_group(config)]
    if not is_classification(config):
        assert joints == len(config["skeleton"]["joints"])
        assert sketch.input == (3, *input_size(config))


@pytest.mark.parametrize("line", POSES)
def test_what_is_set_is_what_the_paper_says(line: str) -> None:
    values = flat(composed(*POSES[line]))
    for pattern, expected in RULES:
        if fnmatch(line, pattern):
            present = {key: value for key, value in expected.items() if not _is_of_other_metrics(key, values)}
            assert {key: values.get(key, "missing") for key in present} == present, pattern
    if "/coco" in line:
        size = next((size for size in SIZES if size in line), "input=256x192")
        assert (values["data.input_size"], values["codec.sigma"]) == SIZES[size]
    if line.startswith("pyranet/") and not line.endswith(("=xavier", "=msr")):
        pyramids = values["model.block._target_"] == "posepyr.layers.pyramid.PyramidBlocks"
        assert values["init._target_"] == f"posepyr.initialisation.{MULTIBRANCH if pyramids else AS_BUILT}"


def _is_of_other_metrics(key: str, values: dict[str, Any]) -> bool:
    return key.startswith("metrics.pckh.") and "metrics.pckh._target_" not in values


MSSH = [
    *(choices for line, choices in POSES.items() if line.startswith("mssh/")),
    ["experiment=mssh/hard_joint_figures"],
    ["experiment=figures/mssh"],
    *([f"experiment={name}", f"loss={loss}"]
      for name in EXPERIMENTS if name.startswith("mssh/") for loss in ("mse", "hard_joints")),
]  # fmt: skip
"""MSSH's trainings, and with every other loss in their place."""


@pytest.mark.parametrize("choices", MSSH, ids=" ".join)
def test_msshs_trainings_sum_over_pixels_at_every_scale(choices: list[str]) -> None:
    """MSSH, equation 2: one wrong cell of each joint is a loss of 1 in a map of any size."""
    built = build(composed(*choices)["loss"])
    outputs = [torch.zeros(2, 16, size, size) for size in (4, 8, 16)]
    targets = [torch.zeros_like(output) for output in outputs]
    for target in targets:
        target[..., 2, 1] = 1.0
    assert built(outputs, targets, torch.ones(2, 16)).tolist() == pytest.approx([1.0] * 3)


@pytest.mark.parametrize("line", POSES)
def test_rates_by_epoch(line: str) -> None:
    config = composed(*POSES[line])
    target, epochs, rates = next(rest for pattern, *rest in SCHEDULES if fnmatch(line, pattern))
    assert (config["optimizer"]["_target_"], config["trainer"]["max_epochs"]) == (target, epochs)
    schedule, lr = build(config["scheduler"]), config["optimizer"]["lr"]
    found = [lr * schedule(10 * epoch, 10 * epochs, 10) for epoch in range(epochs)]
    changes = {epoch: rate for epoch, rate in enumerate(found) if epoch == 0 or rate != found[epoch - 1]}
    assert changes == pytest.approx(rates)
    assert config["data"]["batch_size"] == next(size for pattern, size in BATCHES.items() if fnmatch(line, pattern))


@pytest.mark.parametrize("line", TRAININGS)
def test_an_override_changes_what_it_names_and_nothing_else(line: str) -> None:
    experiment, *overrides = TRAININGS[line]
    changed = differing(composed(experiment), composed(experiment, *overrides))
    reached: set[str] = set()
    for override in overrides:
        key = override.partition("=")[0]
        own = {name for name in changed if any(lies_in(name, part) for part in REACH.get(key, (key,)))}
        assert own, f"{override} changes nothing"
        reached |= own
    assert changed == reached


@pytest.mark.parametrize("name", BASES)
def test_a_base_changes_nothing_else(name: str) -> None:
    base, allowed = BASES[name]
    changed = differing(composed(f"experiment={base}"), composed(f"experiment={name}"))
    assert not {key for key in changed if not any(lies_in(key, part) for part in allowed)}
    assert all(any(lies_in(key, part) for key in changed) for part in allowed)


@pytest.mark.parametrize("line", TRAININGS)
def test_recipes_log_to_weights_and_biases(line: str) -> None:
    assert composed(*TRAININGS[line])["logger"]["_target_"] == "posepyr.training.loggers.wandb_log.make_wandb"


def test_weights_are_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSEPYR_WEIGHTS", raising=False)
    line = ["experiment=hrnet/coco", "model=hrnet_w48"]
    assert composer().job(line).config["init"]["file"] == "weights/hrnet_w48_imagenet.ckpt"
    monkeypatch.setenv("POSEPYR_WEIGHTS", "/archives/weights")
    assert composer().job(line).config["init"]["file"] == "/archives/weights/hrnet_w48_imagenet.ckpt"


@pytest.mark.parametrize("name", [f"{paper}/{name}" for paper in ("hrnet", "ppnet", "mssh")
                                  for name in catalogue.choices(FOLDERS, f"sweep/{paper}")])  # fmt: skip
def test_sweeps_are_of_trainings_that_rows_are(name: str) -> None:
    content = catalogue.read_yaml(catalogue.choices(FOLDERS, "sweep")[name])
    axes = [override.partition("=")[0] for override in composer().expand([f"sweep={name}"])[0][:-1]]
    assert axes == list(content["hydra"]["sweeper"]["params"])
    trainings = [composed(*choices) for line, choices in POSES.items()]
    jobs = composer().jobs([f"sweep={name}"])
    assert len(jobs) > 1
    for job in jobs:
        assert any(not differing(job.config, training) for training in trainings), job.overrides
