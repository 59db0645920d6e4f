"""Layouts of released files: how each is recognised, described as one of our networks and renamed key by key."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Optional

from posepyr.checkpoints.file_words import (
    Rule,
    hrnet_words,
    numbers,
    ppnet_words,
    pytorch_pose_words,
    simple_baseline_words,
)
from posepyr.checkpoints.weights import State
from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD
from posepyr.models.hourglass import MPII_MEAN

NOTHING = r"(?!)"
"""A pattern that no key has."""


class Release(NamedTuple):
    """Files of one project."""

    title: str
    mark: str
    """A pattern that keys of these files alone have."""
    head: str
    """The weight of a heatmap head, by whose rows joints are counted."""
    describe: Callable[[State], dict[str, Any]]
    """The network of a file, as a node without its joints."""
    rules: Callable[[State], Sequence[Rule]]
    """From the file's keys to the network's own; all are applied, in order."""
    words: Callable[[State], Sequence[Rule]]
    """And back, for the names of keys that the file lacks."""
    heads: tuple[str, ...]
    """Beginnings of the network's keys that a file with a classifier's weights has not."""
    classifier: str
    """A pattern of keys that only a file with a classifier's weights has and that a pose network has no use for."""
    classifiers: Optional["Classifiers"] = None
    sigma: float | None = None
    """Width of the Gaussians that the weights were trained on, in cells; None where the input's size decides."""
    half_cell: bool = False
    """Whether a cell stands for its middle, as ``Codec.half_cell`` has it."""
    input_size: tuple[int, int] | None = None
    """Height and width that all of the project's networks were trained on; None where they differ."""


class Classifiers(NamedTuple):
    """Files of a project's classifiers; all else is as with its pose networks."""

    last: str
    """A pattern of the last layer's weight, by whose rows classes are counted."""
    describe: Callable[[State], dict[str, Any]]
    """The network of a file, as a node without its classes."""


def shape(state: State, key: str) -> tuple[int, ...]:
    """Return the shape of a tensor that a file must hold."""
    if key not in state:
        raise ValueError(f"the file must hold {key}, or it is not of the release that it is taken for")
    return tuple(state[key].shape)


def one_less(prefix: str, suffix: str = "") -> Callable[[re.Match[str]], str]:
    """Return a replacement that counts from 0 what the pattern's group counts from 1."""
    return lambda match: f"{prefix}{int(match[1]) - 1}{suffix}"


RESIDUALS: list[Rule] = [
    (r"\.conv(\d)\.", one_less(".main.", ".0.")),
    (r"\.bn(\d)\.", one_less(".main.", ".1.")),
    (r"\.downsample\.", ".shortcut."),
]


def stem_rules(prefix: str) -> list[Rule]:
    """Return the rules of the stem that HRNet and PPNet share."""
    return [
        (r"^conv(\d)\.", one_less(f"{prefix}stem.", ".0.")),
        (r"^bn(\d)\.", one_less(f"{prefix}stem.", ".1.")),
        (r"^layer1\.", f"{prefix}stem.2."),
    ]


def exchange_rules(before: str) -> list[Rule]:
    """Return the rules of fuse layers: upwards a convolution and a norm, downwards pairs of them, one a step."""
    return [
        (r"\.fuse_layers\.(\d+)\.(\d+)\.([01])\.(?=[a-z])", rf"{before}.targets.\1.paths.\2.0.\3."),
        (r"\.fuse_layers\.(\d+)\.(\d+)\.", rf"{before}.targets.\1.paths.\2."),
    ]


def image_colours(colour: str = "rgb") -> dict[str, Any]:
    """Return the arguments for pixels as releases that began with ImageNet's weights normalised them."""
    return {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD), "colour": colour}


def describe_hrnet(state: State) -> dict[str, Any]:
    """Describe an HRNet: its width, modules and residuals."""
    return {
        "_target_": "posepyr.models.hrnet.HRNet",
        "width": shape(state, "transition1.0.0.weight")[0],
        "modules": [len(numbers(state, rf"stage{stage}\.(\d+)\.")) for stage in (2, 3, 4)],
        "blocks": len(numbers(state, r"stage2\.0\.branches\.0\.(\d+)\.")),
        **image_colours(),
    }


def describe_hrnet_classifier(state: State) -> dict[str, Any]:
    """Describe an HRNet-W-C."""
    return _as_classifier(describe_hrnet(state), "posepyr.models.hrnet.HRNetClassifier")


def _as_classifier(node: dict[str, Any], target: str) -> dict[str, Any]:
    """Turn a pose network's description into that of its classifier, which always sees red first."""
    return {**{key: value for key, value in node.items() if key not in ("colour", "upsampling")}, "_target_": target}


def hrnet_rules(_state: State) -> list[Rule]:
    """Return the rules of HRNet's keys. Its classifiers' heads have names in one release and numbers in the other."""
    return [
        *stem_rules("body."),
        (r"^transition1\.0\.", "body.spread.paths.0.0."),
        (r"^transition1\.1\.", "body.spread.paths.1."),
        (r"^transition(\d)\.\d\.", one_less("body.extensions.", ".path.")),
        (r"^stage(\d)\.", lambda match: f"body.stages.{int(match[1]) - 2}."),
        (r"\.branches\.", ".branches.paths."),
        *exchange_rules(".exchange"),
        *RESIDUALS,
        (r"^(?:head\.)?(?:incre_modules|0)\.(\d)\.0\.", r"head.widen.\1."),
        (r"^(?:head\.)?(?:downsamp_modules|1)\.(\d)\.", r"head.lower.\1."),
        (r"^(?:head\.)?(?:final_layer|2)\.([01])\.", r"head.features.\1."),
        (r"^(?:head\.)?(?:classifier|fc)\.", "head.classify."),
        (r"^final_layer\.", "heads.0."),
    ]


def describe_ppnet(state: State) -> dict[str, Any]:
    """Describe a PPNet. Its weights do not show the ratio of its resolutions, which is 2 in the release."""
    branches = len(numbers(state, r"ppnet\.0\.branches\.(\d+)\."))
    depths = [len(numbers(state, rf"ppnet\.0\.branches\.{branch}\.(\d+)\.")) for branch in range(branches)]
    module = "ppnet.0.branches.0.0.conv3.weight" in state
    last = "conv3" if module else "conv2"
    widths = [shape(state, f"ppnet.0.branches.{branch}.0.{last}.weight")[0] for branch in range(branches)]
    return {
        "_target_": "posepyr.models.ppnet.PPNet",
        "modules": len(numbers(state, r"ppnet\.(\d+)\.")),
        "blocks": depths[0] if depths else 0,
        "width": shape(state, f"ppnet.0.branches.0.0.{'conv2' if module else 'conv1'}.weight")[0],
        "block": "module" if module else "basic",
        "branches": branches,
        "depth_ratio": [after // before for before, after in pairwise(depths)],
        "width_ratio": [after // before for before, after in pairwise(widths)],
        "reinject": "branch_output",
        **image_colours(),
    }


def ppnet_rules(_state: State) -> list[Rule]:
    """Return the rules of PPNet's keys."""
    return [
        *stem_rules(""),
        (r"^input_layer\.0\.", "spread.paths.0.0."),
        (r"^input_layer\.", "spread.paths."),
        (r"^ppnet\.(\d+)\.branches\.", r"pyramids.\1.paths."),
        (r"^ppnet\.(\d+)\.(?=fuse)", r"exchanges.\1."),
        *exchange_rules(""),
        *RESIDUALS,
        (r"^fc\.", "features."),
        (r"^fc_\.", "merge_features."),
        (r"^heatmap_layer\.", "heads."),
        (r"^heatmap_layer_\.", "merge_heatmaps."),
    ]


def describe_simple_baseline(state: State) -> dict[str, Any]:
    """Describe a SimpleBaseline, or a ResNet alone: its depth and width."""
    depths = {6: 50, 23: 101, 36: 152}
    blocks = len(numbers(state, r"layer3\.(\d+)\."))
    if blocks not in depths or "layer1.0.conv3.weight" not in state:
        raise ValueError(
            "the file must hold a ResNet of 50, 101 or 152 layers, with 6, 23 or 36 bottlenecks in layer3; "
            f"found {blocks} residuals there"
        )
    layers = [f"deconv_layers.{number}.weight" for number in numbers(state, r"deconv_layers\.(\d+)\.")]
    upsampling = [shape(state, key)[1] for key in layers if key in state and state[key].ndim == 4]
    return {
        "_target_": "posepyr.models.simple_baseline.SimpleBaseline",
        "depth": depths[blocks],
        "width": shape(state, "conv1.weight")[0],
        **({"upsampling": upsampling} if upsampling else {}),
        **image_colours("bgr"),
    }


def describe_resnet_classifier(state: State) -> dict[str, Any]:
    """Describe a ResNet's classifier, whose keys SimpleBaseline's release took over."""
    return _as_classifier(describe_simple_baseline(state), "posepyr.models.resnet.ResNetClassifier")


def simple_baseline_rules(_state: State) -> list[Rule]:
    """Return the rules of SimpleBaseline's keys, which are ResNet's."""
    return [
        (r"^conv1\.", "backbone.stem.0.0."),
        (r"^bn1\.", "backbone.stem.0.1."),
        (r"^layer(\d)\.", one_less("backbone.stages.", ".")),
        *RESIDUALS,
        (r"^fc\.", "classify."),
        (r"^deconv_layers\.", "upsampling."),
        (r"^final_layer\.", "head."),
    ]


def describe_pytorch_pose(state: State) -> dict[str, Any]:
    """Describe pytorch-pose's hourglass: stacks, depth, width and residuals in series."""
    return {
        "_target_": "posepyr.models.hourglass.StackedHourglass",
        "construction": "pytorch_pose",
        "stacks": len(numbers(state, r"hg\.(\d+)\.")),
        "depth": len(numbers(state, r"hg\.0\.hg\.(\d+)\.")),
        "width": shape(state, "fc.0.0.weight")[0],
        "modules": len(numbers(state, r"hg\.0\.hg\.0\.0\.(\d+)\.")),
        "mean": list(MPII_MEAN),
        "std": [1.0, 1.0, 1.0],
    }


def pytorch_pose_rules(state: State) -> list[Rule]:
    """Return the rules of pytorch-pose's hourglass, whose levels count from the innermost."""
    outermost = max(numbers(state, r"hg\.0\.hg\.(\d+)\."), default=0)
    roles = ("skip", "down", "up", "inner")

    def place(match: re.Match[str]) -> str:
        inside = "inner." * (outermost - int(match[2]))
        return f"hourglasses.{match[1]}.{inside}{roles[int(match[3])]}."

    return [
        (r"^hg\.(\d+)\.hg\.(\d+)\.([0-3])\.", place),
        (r"^conv1\.", "stem.0."),
        (r"^bn1\.", "stem.1.0."),
        (r"^layer1\.0\.", "stem.2."),
        (r"^layer2\.0\.", "stem.4."),
        (r"^layer3\.0\.", "stem.5."),
        (r"\.bn(\d)\.", lambda match: f".main.{2 * int(match[1]) - 2}.0."),
        (r"\.conv(\d)\.", lambda match: f".main.{2 * int(match[1]) - 1}."),
        (r"\.downsample\.0\.", ".shortcut."),
        (r"^res\.(\d+)\.", r"features.\1.0."),
        (r"^fc\.(\d+)\.0\.", r"features.\1.1."),
        (r"^fc\.(\d+)\.1\.", r"features.\1.2.0."),
        (r"^score\.", "heads."),
        (r"^fc_\.", "merge_features."),
        (r"^score_\.", "merge_heatmaps."),
    ]


RELEASES: dict[str, Release] = {
    "hrnet": Release(
        "HRNet's release",
        r"stage2\.\d+\.branches\.",
        "final_layer.weight",
        describe_hrnet,
        hrnet_rules,
        hrnet_words,
        ("heads.",),
        r"(head|incre_modules|downsamp_modules|classifier|fc)\.|final_layer\.\d|stage4\.2\.fuse_layers\.[123]\.",
        Classifiers(r"(head\.)?(classifier|fc)\.weight", describe_hrnet_classifier),
    ),
    "ppnet": Release(
        "PPNet's release",
        r"ppnet\.\d+\.branches\.",
        "heatmap_layer.0.2.weight",
        describe_ppnet,
        ppnet_rules,
        ppnet_words,
        ("features.", "heads.", "merge_"),
        r"(head|classifier)\.",
    ),
    "simple_baseline": Release(
        "SimpleBaseline's release",
        r"layer4\.\d+\.conv3\.",
        "final_layer.weight",
        describe_simple_baseline,
        simple_baseline_rules,
        simple_baseline_words,
        ("head.", "upsampling."),
        r"fc\.",
        Classifiers(r"fc\.weight", describe_resnet_classifier),
    ),
    "pytorch_pose": Release(
        "pytorch-pose's hourglass",
        r"hg\.\d+\.hg\.\d+\.",
        "score.0.weight",
        describe_pytorch_pose,
        pytorch_pose_rules,
        pytorch_pose_words,
        (),
        NOTHING,
        sigma=1.0,
        half_cell=True,
        input_size=(256, 256),
    ),
}
