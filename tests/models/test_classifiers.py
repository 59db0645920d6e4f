"""Classifiers of small pictures and of ImageNet's: the published sizes, what they share with pose networks, and
ResNet, Wide ResNet and ResNeXt against plain tensor operations."""

from functools import partial

import pytest
import torch
import yaml
from torch import nn

from posepyr.layers.pyramid_path import PyramidPaths
from posepyr.models.hrnet import HRNet, HRNetClassifier
from posepyr.models.ppnet import PPNet, PPNetClassifier
from posepyr.models.resnet import ResNetClassifier
from posepyr.models.resnext import ResNeXt
from posepyr.models.simple_baseline import SimpleBaseline
from posepyr.models.wide_resnet import WideResNet
from posepyr.nodes import build
from support import naive_classifiers as naive
from support.compared import check
from support.naive_resnet import classifier as naive_resnet
from support.places import CONF
from support.randomised import shaken
from support.reduced import pixels

CONFIGS = CONF / "classifier"

SIZES = {
    "wide_resnet_28_10": (36_479_194, 10.487, 10.487),
    "wide_resnet_28_10_prm": (42_327_514, 11.353, 11.353),
    "wide_resnet_28_9_prm": (36_407_578, 9.484, 9.484),
    "resnext_29_8x64d": (34_426_698, 48.83, 10.775),
    "resnext_29_16x64d": (68_155_210, 184.45, 21.378),
    "resnext_29_8x64d_prm": (45_620_810, 50.48, 12.427),
    "resnext_29_16x64d_prm": (79_349_322, 186.10, 23.030),
}
"""Parameters, and 2e-9 times the multiply-adds: with grouped convolutions taken as dense, as the paper counts, and as
they are."""

PUBLISHED = {
    "hrnet_w32": (41.233, 8.308 * 2**30),
    "hrnet_w48": (77.470, 16.091 * 2**30),
    "resnet_50": (25.557, 4.089e9),
    "resnet_101": (44.549, 7.801e9),
    "resnet_152": (60.193, 11.514e9),
}
"""Of ImageNet's classifiers, with 1000 classes at 224 x 224: millions of parameters, and multiply-adds."""

UNPUBLISHED = {"ppnet_m2_d2_w32": [32, 64, 128], "ppnet_m4_d2_w32": [32, 64, 128]}
"""Those that nobody counted, with the widths of their branches."""


def build_file(name: str) -> nn.Module:
    return build(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()))


def counts(model: nn.Module, side: int = 32) -> tuple[int, float, float]:
    """As in SIZES; one convolution or linear layer uses each weight once at every output pixel."""
    dense: list[int] = []
    exact: list[int] = []

    def add(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        pixels = out[0].numel() // len(layer.weight)
        exact.append(layer.weight.numel() * pixels)
        dense.append(exact[-1] * getattr(layer, "groups", 1))

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, side, side, dtype=torch.uint8, device="meta"))
    return sum(parameter.numel() for parameter in model.parameters()), 2e-9 * sum(dense), 2e-9 * sum(exact)


def test_every_file_has_its_size_here():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {*SIZES, *PUBLISHED, *UNPUBLISHED}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_the_papers(name):
    with torch.device("meta"):
        parameters, dense, exact = counts(build_file(name))
    assert parameters == SIZES[name][0]
    assert dense == pytest.approx(SIZES[name][1], abs=0.006)
    assert exact == pytest.approx(SIZES[name][2], abs=0.0006)


@pytest.mark.parametrize("name", [*PUBLISHED, "width 18"])
def test_sizes_on_imagenet_are_the_published(name):
    with torch.device("meta"):
        model = HRNetClassifier(width=18) if name == "width 18" else build_file(name)
    millions, multiply_adds = PUBLISHED.get(name, (21.299, 3.989 * 2**30))
    parameters, _, exact = counts(model, 224)
    assert parameters / 1e6 == pytest.approx(millions, abs=5.1e-4)
    assert exact / 2e-9 == pytest.approx(multiply_adds, abs=6e-4 * 2**30)


def head_parameters(widths: list[int], classes: int) -> int:
    """Of HRNet's head: bottlenecks, strided convolutions with biases, the last convolution and the last layer."""
    total = 0
    for branch, width in enumerate(widths):
        inner, outputs = 32 * 2**branch, 128 * 2**branch
        total += width * inner + 9 * inner**2 + inner * outputs + 2 * (2 * inner + outputs)
        total += width * outputs + 2 * outputs if width != outputs else 0
        if branch:
            total += 9 * (outputs // 2) * outputs + outputs + 2 * outputs
    return total + outputs * 2048 + 2048 + 2 * 2048 + 2048 * classes + classes


def exchange_parameters(widths: list[int], targets: tuple[int, ...]) -> int:
    """Of an exchange's outputs but the first: 1x1 from lower ones, strided 3x3 from higher ones, each with its norm."""
    total = 0
    for target in targets:
        for source, width in enumerate(widths):
            if source > target:
                total += width * widths[target] + 2 * widths[target]
            elif source < target:
                steps = target - source
                total += (steps - 1) * (9 * width**2 + 2 * width) + 9 * width * widths[target] + 2 * widths[target]
    return total


@pytest.mark.parametrize("name", UNPUBLISHED)
def test_ppnets_classifier_is_its_pose_networks_parts_and_hrnets_head(name):
    widths = UNPUBLISHED[name]
    with torch.device("meta"):
        model = build_file(name)
        pose = PPNet(17, modules=len(model.pyramids))
    shared = sum(value.numel() for key, value in pose.named_parameters() if key.split(".")[0] in pose.pretrained_parts)
    further = exchange_parameters(widths, (1, 2))
    assert counts(model, 224)[0] == shared + further + head_parameters(widths, 1000)


FAMILIES = {
    "hrnet": (lambda **settings: HRNet(5, width=8, modules=(1, 2, 1), blocks=1, **settings),
              lambda: HRNetClassifier(4, width=8, modules=(1, 2, 1), blocks=1)),
    "ppnet": (lambda **settings: PPNet(5, width=8, modules=3, blocks=1, **settings),
              lambda: PPNetClassifier(4, width=8, modules=3, blocks=1)),
    "resnet": (lambda **settings: SimpleBaseline(5, width=8, **settings), lambda: ResNetClassifier(4, width=8)),
}  # fmt: skip
"""By family, a pose network and the classifier that it is pretrained as."""


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("hrnet", {}), ("hrnet", {"heatmaps": (8, 4, 2, 1)}), ("hrnet", {"heatmaps": (2,)}), ("ppnet", {}),
        ("ppnet", {"reinject": "module_input"}), ("resnet", {"upsampling": (8, 8)}),
    ],
)  # fmt: skip
def test_a_classifier_has_all_that_its_pose_network_takes_over(family, settings):
    make_pose, make_classifier = FAMILIES[family]
    with torch.device("meta"):
        pose, classifier = make_pose(**settings), make_classifier()
    there = {key: value.shape for key, value in classifier.state_dict().items()}
    wanted = {
        key: value.shape for key, value in pose.state_dict().items() if key.split(".")[0] in pose.pretrained_parts
    }
    assert wanted.items() <= there.items()
    assert {key.split(".")[0] for key in wanted} == set(pose.pretrained_parts) == set(classifier.pretrained_parts)
    # What is left of the pose network depends on its joints, so that no classifier can have it.
    rest = {key for key in pose.state_dict() if key not in wanted}
    assert rest
    assert not rest & there.keys()


def test_the_texts_width_does_not_give_the_tables_28_9():
    with torch.device("meta"):
        parameters, dense, _ = counts(WideResNet(widen=9, pyramid=PyramidPaths()))
    assert parameters == 34_290_330
    assert dense == pytest.approx(9.201, abs=0.0006)


PYRAMIDS: list[tuple[PyramidPaths | None, dict]] = [
    (None, {}),
    (PyramidPaths(), {"path": naive.pyramid_path}),
    (PyramidPaths(widths=(3, 4, 5)), {"path": naive.pyramid_path, "widths": (3, 4, 5)}),
]
"""Rules of the pyramid beside the blocks, and the same for the oracle."""

SMALL = {"wide": partial(WideResNet, 4, 10, 1), "resnext": partial(ResNeXt, 4, 11, 2, 2)}
"""The smallest networks with each family's three stages."""


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("pyramid", "path"), PYRAMIDS)
def test_wide_resnet_equals_its_oracle(pyramid, path, training):
    model = shaken(WideResNet(classes=4, depth=16, widen=1, pyramid=pyramid), seed=4).train(training)
    check(model, pixels(size=(16, 12)), partial(naive.wide_resnet, classes=4, widen=1, blocks=2, **path))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("pyramid", "path"), PYRAMIDS)
def test_resnext_equals_its_oracle(pyramid, path, training):
    model = shaken(ResNeXt(classes=4, depth=20, cardinality=3, width=2, pyramid=pyramid), seed=4).train(training)
    check(model, pixels(size=(16, 12)), partial(naive.resnext, classes=4, groups=3, group=2, blocks=2, **path))


def test_resnet_equals_its_oracle():
    model = shaken(ResNetClassifier(classes=4, depth=50, width=4), seed=4).eval()
    check(model, pixels(), partial(naive_resnet, classes=4, blocks=(3, 4, 6, 3), width=4))


@pytest.mark.parametrize(
    "make",
    [
        *(partial(make, pyramid=pyramid) for make in SMALL.values() for pyramid, _ in PYRAMIDS),
        *(make for _, make in FAMILIES.values()),
        lambda: PPNetClassifier(4, width=4, blocks=1, branches=4, block="module"),
    ],
)
def test_every_parameter_gets_a_gradient_and_pictures_stand_alone(make):
    torch.manual_seed(0)
    model = make()
    image = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    logits = model(image)
    assert logits.shape == (3, 4)
    logits.square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    model.eval()
    torch.testing.assert_close(model(image)[1:2], model(image[1:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    [
        (WideResNet, "depth", 27),
        (WideResNet, "depth", 4),
        (WideResNet, "widen", 0),
        (WideResNet, "classes", 1),
        (ResNeXt, "depth", 28),
        (ResNeXt, "depth", 2),
        (ResNeXt, "cardinality", 0),
        (ResNeXt, "width", 0),
        (ResNeXt, "classes", 1),
        (HRNetClassifier, "classes", 1),
        (HRNetClassifier, "width", 0),
        (HRNetClassifier, "blocks", 0),
        (HRNetClassifier, "modules", [1, 2]),
        (PPNetClassifier, "classes", 1),
        (PPNetClassifier, "branches", 1),
        (PPNetClassifier, "block", "wide"),
        (PPNetClassifier, "width_ratio", 0),
        (ResNetClassifier, "classes", 1),
        (ResNetClassifier, "depth", 34),
        (ResNetClassifier, "width", 0),
    ],
)
def test_a_wrong_argument_is_named(make, argument, value):
    with pytest.raises(ValueError) as caught:
        make(**{argument: value})
    assert str(caught.value).startswith(f"{argument} must ")
    assert str(caught.value).endswith(f"got {value}")


@pytest.mark.parametrize("family", ["hrnet", "ppnet"])
def test_a_size_that_does_not_fit_names_the_nearest_that_do(family):
    divisor = {"hrnet": 32, "ppnet": 16}[family]
    with pytest.raises(ValueError, match=rf"divisible by {divisor} .* got {divisor + 8} x {divisor}"):
        FAMILIES[family][1]()(torch.zeros(1, 3, divisor + 8, divisor))
