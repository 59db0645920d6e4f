"""Arguments of networks: what stands for those that are left out, and the least that each may be."""

import pytest

from posepyr.layers.inception import InceptionBlocks
from posepyr.models.cpn import CPN
from posepyr.models.hourglass import StackedHourglass
from posepyr.models.hrnet import HRNet, HRNetBody, HRNetClassifier
from posepyr.models.mssh import MSSH
from posepyr.models.ppnet import PPNet, PPNetClassifier
from posepyr.models.resnet import ResNet, ResNetClassifier
from posepyr.models.resnext import ResNeXt
from posepyr.models.simple_baseline import SimpleBaseline
from posepyr.models.wide_resnet import WideResNet
from support.counting import on_meta, parameters


@pytest.mark.parametrize(
    ("make", "arguments", "millions"),
    [
        (CPN, (17,), 27.0),
        (HRNet, (17,), 28.5),
        (HRNetBody, (), 28.5),
        (HRNetClassifier, (), 41.2),
        (MSSH, (16, InceptionBlocks()), 21.8),
        (PPNet, (16,), 7.0),
        (ResNet, (), 23.5),
        (ResNetClassifier, (), 25.6),
        (ResNeXt, (), 34.4),
        (SimpleBaseline, (17,), 34.0),
        (StackedHourglass, (16,), 6.7),
        (WideResNet, (), 36.5),
    ],
)
def test_arguments_left_out_are_those_of_the_published_network(make, arguments, millions):
    assert parameters(on_meta(make, *arguments)) / 1e6 == pytest.approx(millions, abs=0.051)


def test_a_classifier_made_without_arguments_has_the_pose_network_s_body():
    pose, classifier = (on_meta(make, *given).state_dict() for make, given in ((PPNet, (16,)), (PPNetClassifier, ())))
    shared = classifier.keys() & pose.keys()
    assert {name.split(".")[0] for name in shared} == {"stem", "spread", "pyramids", "exchanges"}
    assert all(classifier[name].shape == pose[name].shape for name in shared)
    assert [len(value) for name, value in classifier.items() if name.endswith("bias")][-1] == 1000


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (CPN, {"joints": 1, "width": 1, "channels": 2}),
        (HRNet, {"joints": 1, "width": 1, "modules": (1, 1, 1), "blocks": 1}),
        (HRNetClassifier, {"classes": 2, "width": 1, "modules": (1, 1, 1), "blocks": 1}),
        (MSSH, {"joints": 1, "block": InceptionBlocks(width=1), "stages": 1, "depth": 1, "width": 4}),
        (MSSH, {"joints": 1, "block": InceptionBlocks(), "stages": (0, 1, 0), "depth": (2, 1, 1), "width": 8}),
        (PPNet, {"joints": 1, "modules": 1, "blocks": 1, "width": 1, "branches": 2}),
        (PPNetClassifier, {"classes": 2, "modules": 1, "blocks": 1, "width": 1, "branches": 2}),
        (ResNetClassifier, {"classes": 2, "width": 1}),
        (ResNeXt, {"classes": 2, "depth": 11, "cardinality": 1, "width": 1}),
        (SimpleBaseline, {"joints": 1, "width": 1, "upsampling": (1,)}),
        (StackedHourglass, {"joints": 1, "stacks": 1, "depth": 1, "width": 4, "modules": 1}),
        (WideResNet, {"classes": 2, "depth": 10, "widen": 1}),
    ],
)
def test_the_least_of_all_can_be_built(make, least):
    assert parameters(on_meta(make, **least)) > 0
