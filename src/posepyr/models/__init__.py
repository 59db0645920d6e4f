"""Networks by name, each in a file of its own.

Pose networks take pixels ``B 3 H W`` of 0 to 255 and return a tuple of heatmaps ``B joints h w``, one for each
supervised output, the last one the prediction:

- :class:`StackedHourglass`: hourglasses in a row; with pyramid blocks, PyraNet
- :class:`MSSH`: hourglasses at growing resolution
- :class:`HRNet`: high resolution from the stem to the heatmaps
- :class:`PPNet`: small pyramids of parallel branches in a row
- :class:`SimpleBaseline`: a ResNet and transposed convolutions
- :class:`CPN`: a ResNet, a pyramid of its maps, and heatmaps refined over all levels

Classifiers return logits ``B classes``. :class:`ResNetClassifier`, :class:`HRNetClassifier` and
:class:`PPNetClassifier` pretrain pose networks; :class:`ResNeXt` and :class:`WideResNet` are for small pictures, plain
or with PyraNet's pyramid.
"""

from posepyr.models.cpn import CPN
from posepyr.models.hourglass import StackedHourglass
from posepyr.models.hrnet import HRNet, HRNetClassifier
from posepyr.models.mssh import MSSH
from posepyr.models.ppnet import PPNet, PPNetClassifier
from posepyr.models.resnet import ResNetClassifier
from posepyr.models.resnext import ResNeXt
from posepyr.models.simple_baseline import SimpleBaseline
from posepyr.models.wide_resnet import WideResNet

__all__ = [
    "CPN",
    "MSSH",
    "HRNet",
    "HRNetClassifier",
    "PPNet",
    "PPNetClassifier",
    "ResNeXt",
    "ResNetClassifier",
    "SimpleBaseline",
    "StackedHourglass",
    "WideResNet",
]
