"""SimpleBaseline (Xiao et al. 2018): a ResNet and a few transposed convolutions."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor, nn

from posepyr.layers.heads import PointwiseHead
from posepyr.layers.normalise import IMAGENET_MEAN, IMAGENET_STD, Colour, Normalise
from posepyr.layers.resize import check_divisible
from posepyr.models.resnet import Depth, ResNet


class SimpleBaseline(nn.Module):
    """Pixels ``B 3 H W`` to heatmaps ``B joints H/4 W/4``.

    Xiao et al. 2018, section 2: the last map of a ResNet of ``depth`` layers is doubled in size by one transposed
    convolution for each entry of ``upsampling``, its channels.
    """

    pretrained_parts: ClassVar[tuple[str, ...]] = ("backbone",)
    """Modules whose weights come from pretraining: see :class:`~posepyr.checkpoints.weights.Pretrained`."""

    def __init__(
        self,
        joints: int,
        depth: Depth = 50,
        width: int = 64,
        upsampling: Sequence[int] = (256, 256, 256),
        head: Callable[[int, int], nn.Module] = PointwiseHead,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        colour: Colour = "rgb",
    ) -> None:
        super().__init__()
        if not 1 <= len(upsampling) <= 5 or min(upsampling) < 1:
            raise ValueError(f"upsampling must hold one to five positive numbers, got {list(upsampling)}")
        self.normalise = Normalise(mean, std, colour)
        self.backbone = ResNet(depth, width)
        self.upsampling = nn.Sequential()
        channels = self.backbone.channels
        for outputs in upsampling:
            self.upsampling.extend(doubling(channels, outputs))
            channels = outputs
        self.head = head(channels, joints)
        self.divisor = self.backbone.stride
        self.strides = (self.backbone.stride // 2 ** len(upsampling),)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        check_divisible((image.shape[-2], image.shape[-1]), self.divisor, "the stride of its backbone")
        return (self.head(self.upsampling(self.backbone(self.normalise(image)))),)


def doubling(inputs: int, outputs: int) -> nn.Sequential:
    """Build the step from ``B inputs H W`` to ``B outputs 2H 2W``: transposed 4x4 convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
