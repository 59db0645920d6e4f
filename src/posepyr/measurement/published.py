"""Every size and cost that the four papers print of systems that posepyr has; MSSH prints none."""

from collections.abc import Iterator, Sequence
from typing import Any

from posepyr.measurement.comparison import Node, Row, Size

SMALL, LARGE, SQUARE, RMPE, CIFAR = (3, 256, 192), (3, 384, 288), (3, 256, 256), (3, 320, 256), (3, 32, 32)
COCO, MPII = 17, 16
"""Joints."""

BASELINE_SHARE = 0.01
"""Of SimpleBaseline's and RMPE's cost: the papers' figures for them differ by that much from each other."""


def rows() -> list[Row]:
    """All of them, in the papers' order."""
    return [*pyranet(), *pyranet_cifar(), *hrnet(), *ppnet(), *ppnet_ablations()]


def figures(source: str, system: str, network: Node, size: Size, printed: str, **others: Any) -> Iterator[Row]:
    """The rows of one line of a table, whose two figures are ``printed`` as ``parameters / GFLOPs``; ``-`` for none.

    Of ``others``, ``share`` is the cost's and ``reason`` the parameters'.
    """
    reason, share = others.pop("reason", ""), others.pop("share", 0.0)
    parameters, gflops = printed.split(" / ")
    if parameters != "-":
        yield Row(source, system, network, size, "parameters", parameters, reason=reason, **others)
    if gflops != "-":
        yield Row(source, system, network, size, "GFLOPs", gflops, share=share, **others)


def hourglass(joints: int, stacks: int) -> Node:
    """PyraNet's baseline."""
    residual = {"_target_": "posepyr.layers.residual.ResidualBlocks"}
    return {**_HOURGLASS, "joints": joints, "stacks": stacks, "block": residual, "shortcut": "identity"}


def hourglass_prm(joints: int, stacks: int, variant: str) -> Node:
    """PyraNet."""
    return {**_HOURGLASS, "joints": joints, "stacks": stacks, "block": {**_PYRAMID, "variant": variant}}


def hourglass_ppnet(joints: int, stacks: int) -> Node:
    """The hourglass that PPNet's authors trained."""
    return {**hourglass(joints, stacks), "construction": "ppnet"}


_HOURGLASS = {"_target_": "posepyr.models.hourglass.StackedHourglass"}
_PYRAMID = {"_target_": "posepyr.layers.pyramid.PyramidBlocks"}


def simple_baseline(joints: int, depth: int) -> Node:
    """SimpleBaseline on a ResNet."""
    return {"_target_": "posepyr.models.simple_baseline.SimpleBaseline", "joints": joints, "depth": depth}


def hrnet_of(joints: int, width: int) -> Node:
    """HRNet."""
    return {"_target_": "posepyr.models.hrnet.HRNet", "joints": joints, "width": width}


def ppnet_of(joints: int, name: str, **settings: Any) -> Node:
    """PPNet by its name, as M2-D2-W32."""
    modules, blocks, width = (int(part[1:]) for part in name.split("-"))
    sizes = {"modules": modules, "blocks": blocks, "width": width}
    return {"_target_": "posepyr.models.ppnet.PPNet", "joints": joints, **sizes, **settings}


def pyranet() -> Iterator[Row]:
    """PyraNet: the whole network, one module, and the order of the variants."""
    source, baseline, prm = "PyraNet sec. 5.1.2", hourglass(MPII, 8), hourglass_prm(MPII, 8, "Bstar")
    yield from figures(source, "Hourglass, 8 stacks", baseline, SQUARE, "23.7 / 41.2", counting="PyraNet")
    yield from figures(source, "PRM-B*, 8 stacks", prm, SQUARE, "26.9 / 45.9", counting="PyraNet")
    system = "PRM-B* over hourglass"
    yield from figures(source, system, prm, SQUARE, "13.5 / -", counting="PyraNet", against=baseline)
    for row in figures(source, system, prm, SQUARE, "- / 11.4", counting="PyraNet", against=baseline):
        yield row._replace(reason="the text divides its rounded figures, 45.9 by 41.2; unrounded it is more")
    channels = {"inputs": 256, "outputs": 256}
    rule = {**_PYRAMID, "variant": "Bstar"}
    module = {"_target_": "posepyr.layers.pyramid.PyramidResidual", **channels, "rule": rule}
    residual = {"_target_": "posepyr.layers.residual.PreactivationResidual", **channels}
    source, system = "PyraNet sec. 3.3", "one PRM-B* over one residual"
    for row in figures(source, system, module, (256, 64, 64), "10 / 10", counting="PyraNet", against=residual):
        yield row._replace(reason="the text says about 10% of both; the module that its other figures need has this")
    for more, less in (("A C", "B Bstar D"), ("A C D", "B Bstar")):
        printed = ">0 / -" if "D" in less else "- / >0"
        for one in more.split():
            for other in less.split():
                system = f"PRM-{one} over PRM-{other.replace('star', '*')}, 2 stacks"
                networks = hourglass_prm(MPII, 2, one), hourglass_prm(MPII, 2, other)
                yield from figures(
                    "PyraNet fig. 8", system, networks[0], SQUARE, printed, counting="PyraNet", against=networks[1]
                )


def pyranet_cifar() -> Iterator[Row]:
    """PyraNet's table 3."""
    wide = {"_target_": "posepyr.models.wide_resnet.WideResNet"}
    resnext = {"_target_": "posepyr.models.resnext.ResNeXt"}
    paths = {"_target_": "posepyr.layers.pyramid_path.PyramidPaths"}
    worded = {**wide, "widen": 9, "pyramid": paths}
    met = {**worded, "pyramid": {**paths, "widths": [44, 88, 176]}}
    reason = "the text's rule, branches together as wide as the outputs, gives this; widths 44, 88, 176 meet the table"
    for system, network, printed in (
        ("WRN-28-10", wide, "36.5 / 10.5"),
        ("Ours-28-9, widths 44, 88, 176", met, "36.4 / 9.5"),
        ("Ours-28-10", {**wide, "pyramid": paths}, "42.3 / 11.3"),
        ("ResNeXt-29, 8x64d", {**resnext, "cardinality": 8}, "34.4 / 48.8"),
        ("ResNeXt-29, 16x64d", {**resnext, "cardinality": 16}, "68.2 / 184.5"),
        ("Ours-29, 8x64d", {**resnext, "cardinality": 8, "pyramid": paths}, "45.6 / 50.5"),
        ("Ours-29, 16x64d", {**resnext, "cardinality": 16, "pyramid": paths}, "79.3 / 186.1"),
    ):
        remark = "widths that the text does not name" if network is met else ""
        yield from figures("PyraNet table 3", system, network, CIFAR, printed, counting="PyraNet CIFAR", remark=remark)
    for row in figures("PyraNet table 3", "Ours-28-9", worded, CIFAR, "36.4 / 9.5", counting="PyraNet CIFAR"):
        yield row._replace(reason=reason)


NEWELL = {"reason": "no construction of eight stacks has it: 23.7M without, 25.4M with the residual behind each one"}
DECONVOLUTION = {"share": BASELINE_SHARE, "remark": "transposed convolutions counted at their output"}
MULTIPLIED = {"share": BASELINE_SHARE, "remark": "PRM-B, as released"}


def hrnet() -> Iterator[Row]:
    """HRNet's tables 1, 2 and 4."""
    newell, yang = hourglass(COCO, 8), hourglass_prm(COCO, 8, "B")
    source = "HRNet table 1"
    yield from figures(source, "Hourglass, 8 stages", newell, SMALL, "25.1 / 14.3", **NEWELL)
    for depth, printed in ((50, "34.0 / 8.90"), (101, "53.0 / 12.4"), (152, "68.6 / 15.7")):
        yield from _simple_baseline(source, COCO, depth, SMALL, printed)
    yield from _hrnet(source, COCO, 32, SMALL, "28.5 / 7.10")
    yield from _hrnet(source, COCO, 48, SMALL, "63.6 / 14.6")
    for source in ("HRNet table 1", "HRNet table 2"):
        if source == "HRNet table 2":
            yield from figures(source, "RMPE, PyraNet", yang, RMPE, "28.1 / 26.7", **MULTIPLIED)
        yield from _simple_baseline(source, COCO, 152, LARGE, "68.6 / 35.6")
        yield from _hrnet(source, COCO, 32, LARGE, "28.5 / 16.0")
        yield from _hrnet(source, COCO, 48, LARGE, "63.6 / 32.9")
    source = "HRNet table 4"
    yield from figures(source, "Newell et al.", hourglass(MPII, 8), SQUARE, "25.1 / 19.1", **NEWELL)
    released = {"remark": MULTIPLIED["remark"]}
    yield from figures(source, "Yang et al.", hourglass_prm(MPII, 8, "B"), SQUARE, "28.1 / 21.3", **released)
    yield from _simple_baseline(source, MPII, 152, SQUARE, "68.6 / 20.9")
    yield from _hrnet(source, MPII, 32, SQUARE, "28.5 / 9.5")


def _simple_baseline(source: str, joints: int, depth: int, size: Size, printed: str) -> Iterator[Row]:
    system = f"SimpleBaseline, ResNet-{depth}"
    return figures(source, system, simple_baseline(joints, depth), size, printed, **DECONVOLUTION)


def _hrnet(source: str, joints: int, width: int, size: Size, printed: str) -> Iterator[Row]:
    return figures(source, f"HRNet-W{width}", hrnet_of(joints, width), size, printed)


PPNET: dict[str, tuple[int, Size, Sequence[tuple[str, str]]]] = {
    "I": (COCO, SMALL, (("SB 50", "33.9 / 8.9"), ("M2-D2-W32", "7.0 / 3.3"), ("M2-D3-W32", "9.7 / 4.1"))),
    "I ": (COCO, LARGE, (("SB 50", "33.9 / 20.2"), ("M2-D2-W32", "7.0 / 7.5"), ("M2-D3-W32", "9.7 / 9.2"))),
    "II": (COCO, SMALL, (("SB 101", "53.0 / 12.4"), ("HG 2", "6.7 / 6.3"), ("M4-D2-W32", "12.7 / 5.0"))),
    "II ": (COCO, LARGE, (("SB 101", "53.0 / 27.9"), ("M4-D2-W32", "12.7 / 11.3"))),
    "III": (
        COCO, SMALL,
        (("SB 152", "68.6 / 15.7"), ("HG 4", "13.0 / 10.7"), ("HRNet 32", "28.5 / 7.1"), ("M4-D3-W32", "18.1 / 6.5")),
    ),
    "III ": (COCO, LARGE, (("SB 152", "68.6 / 35.4"), ("HRNet 32", "28.5 / 16.0"), ("M4-D3-W32", "18.1 / 14.7"))),
    "IV": (COCO, SMALL, (("HG 8", "25.5 / 19.6"), ("HRNet 48", "63.6 / 14.6"), ("M4-D3-W48", "39.2 / 12.5"))),
    "IV ": (COCO, LARGE, (("HRNet 48", "63.6 / 32.9"), ("M4-D2-W48", "27.1 / 20.6"), ("M4-D3-W48", "39.2 / 28.1"))),
    "V": (COCO, RMPE, (("RMPE", "28.1 / 26.7"),)),
    "V ": (COCO, SMALL, (("HG 8", "25.5 / 19.6"),)),
    "V  ": (
        COCO, LARGE,
        (("SB 152", "68.6 / 35.4"), ("HRNet 48", "63.6 / 32.9"), ("M4-D2-W48", "27.1 / 20.6"),
         ("M4-D3-W48", "39.2 / 28.1")),
    ),
    "VI": (
        MPII, SQUARE,
        (("SB 152", "68.6 / 21.0"), ("HG 2", "6.7 / 8.4"), ("HG 4", "13.0 / 14.3"), ("HRNet 32", "28.5 / 9.5"),
         ("M4-D2-W32", "12.7 / 6.7"), ("M4-D3-W32", "18.1 / 8.7")),
    ),
    "X": (
        COCO, SMALL,
        (("M2-D2-W32", "- / 3.3"), ("SB 50", "- / 8.9"), ("M4-D2-W32", "- / 5.0"), ("HG 2", "- / 6.3")),
    ),
    "X ": (COCO, LARGE, (("M4-D2-W48", "- / 20.6"), ("SB 152", "- / 35.4"), ("HRNet 48", "- / 32.9"))),
}  # fmt: skip
"""PPNet's tables of results, in parts of one input size: what is compared, with parameters and GFLOPs."""


def ppnet() -> Iterator[Row]:
    """PPNet's tables I to VI and X."""
    for table, (joints, size, lines) in PPNET.items():
        source = f"PPNet table {table.strip()}"
        for name, printed in lines:
            kind, _, number = name.partition(" ")
            if kind == "SB":
                yield from _simple_baseline(source, joints, int(number), size, printed)
            elif kind == "HRNet":
                yield from _hrnet(source, joints, int(number), size, printed)
            elif kind == "RMPE":
                network = hourglass_prm(joints, 8, "B")
                yield from figures(source, "RMPE, PyraNet", network, size, printed, **MULTIPLIED)
            elif kind == "HG":
                network = hourglass_ppnet(joints, int(number))
                yield from figures(source, f"Hourglass, {number} stages", network, size, printed)
            else:
                yield from figures(source, f"PPNet {name}", ppnet_of(joints, name), size, printed)


def ppnet_ablations() -> Iterator[Row]:
    """PPNet's tables VII and VIII."""
    for name, basic, module in (("M2-D2-W32", "7.0 / 3.3", "10.8 / 5.4"), ("M4-D2-W32", "12.7 / 5.0", "20.9 / 8.6")):
        source = "PPNet table VII"
        yield from figures(source, f"PPNet {name}, residual block", ppnet_of(COCO, name), SMALL, basic)
        network = ppnet_of(COCO, name, block="module")
        yield from figures(source, f"PPNet {name}, residual module", network, SMALL, module)
    for ratio, printed in (((2, 2), "7.57"), ((2, 3), "5.88"), ((3, 2), "5.20")):
        network = ppnet_of(COCO, "M2-D2-W32", resolution_ratio=list(ratio))
        system = f"PPNet M2-D2-W32, resolutions {ratio[0]}-{ratio[1]}"
        yield from figures("PPNet table VIII", system, network, LARGE, f"- / {printed}")
