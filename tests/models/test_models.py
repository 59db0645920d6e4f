"""The networks that posepyr.models names, and the default model's difference from its constructor's defaults."""

import inspect

import torch
import yaml

from posepyr import models
from posepyr.layers.pyramid import PyramidResidual
from posepyr.nodes import build, find
from support.places import CONF


def nodes(group: str) -> dict[str, dict]:
    return {path.stem: yaml.safe_load(path.read_text()) for path in (CONF / group).glob("*.yaml")}


def test_every_network_of_the_configuration_is_named() -> None:
    classes = {find(node) for group in ("model", "classifier") for node in nodes(group).values() if "_target_" in node}
    assert classes <= {getattr(models, name) for name in models.__all__}
    assert all(name in (models.__doc__ or "") for name in models.__all__)


def test_pose_networks_take_joints_and_classifiers_classes() -> None:
    for name in models.__all__:
        arguments = inspect.signature(getattr(models, name)).parameters
        assert ("joints" in arguments) != ("classes" in arguments), name


def test_the_hourglass_of_the_constructor_is_the_controlled_one_and_not_the_default_model() -> None:
    with torch.device("meta"):
        bare = models.StackedHourglass(16)
        controlled, default = (build(nodes("model")[f"hourglass_{name}"], joints=16) for name in ("control", "prm"))
    shapes = {name: value.shape for name, value in bare.state_dict().items()}
    assert shapes == {name: value.shape for name, value in controlled.state_dict().items()}
    assert not any(isinstance(module, PyramidResidual) for module in bare.modules())
    assert any(isinstance(module, PyramidResidual) for module in default.modules())
    assert "model: hourglass_prm" in (CONF / "config.yaml").read_text()
