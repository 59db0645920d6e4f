"""``posepyr convert``: other projects' released weights as a checkpoint that predicts or that training begins with."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posepyr.checkpoints.recipe import ClassifierRecipe
from posepyr.cli.options import Parser, add_input_size, add_output, parse_size
from posepyr.configuration import catalogue
from posepyr.errors import UsageError, suggestion

if TYPE_CHECKING:
    from posepyr.checkpoints.official import Conversion
    from posepyr.checkpoints.weights import State

SOURCES = ("auto", "hrnet", "ppnet", "simple_baseline", "pytorch_pose")

SKELETONS = {17: "coco", 16: "mpii"}
"""Skeletons that the releases were trained on, by their number of joints."""

ENDINGS = (".tar", ".pth", ".pt", ".pkl", ".bin", ".ckpt")
"""Endings of weights' files, which the default output leaves away."""

EXAMPLES = """examples:
  posepyr convert pose_hrnet_w32_256x192.pth
  posepyr convert output/coco/pose_resnet_50/model_best.pth.tar --input 384x288 --output r50.ckpt
  posepyr convert hrnet_w32-36af842e.pth --output hrnet_w32_imagenet.ckpt
"""


def run(arguments: list[str]) -> int:
    """Read a released file, write it as a checkpoint, and print what it holds."""
    options = _parser().read(arguments)
    # After parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.checkpoints import official
    from posepyr.checkpoints.storage import read_weights, write_checkpoint

    output = options.output or default_output(options.file)
    if output.resolve() == options.file.resolve():
        raise UsageError(f"--output must be another file than the one to convert, got {output}")
    where = str(options.file)
    state = read_weights(options.file)
    source = official.recognise(state, where) if options.source == "auto" else options.source
    conversion, reason = _convert(state, source, options)
    write_checkpoint(output, conversion.checkpoint())
    sys.stdout.write("".join(f"{name:<9} {text}\n" for name, text in summary(conversion, reason).items()))
    sys.stdout.write(f"{'written':<9} {output}\n")
    return 0


def _convert(state: "State", source: str, options: argparse.Namespace) -> tuple["Conversion", str]:
    """Convert a pose network's file or a classifier's; also return where the former's input size comes from."""
    from posepyr.checkpoints import official

    where = str(options.file)
    joints = official.joints_of(state, source)
    if joints is None and not options.backbone and official.classes_of(state, source):
        if options.skeleton or options.input:
            raise UsageError(f"--skeleton and --input must come with a pose network; {where} holds a classifier")
        return official.convert_classifier(state, source, where), ""
    skeleton = read_skeleton(options.skeleton, joints)
    decided = official.decided_size(source, backbone=options.backbone)
    size, reason = input_size(options.input, options.file.name, decided)
    return official.convert(state, source, official.Setting(skeleton, size, options.backbone), where), reason


def _parser() -> Parser:
    parser = Parser(
        "posepyr convert",
        "Turn released weights of HRNet, PPNet, SimpleBaseline or pytorch-pose into a posepyr checkpoint.",
        EXAMPLES,
    )
    parser.add_argument("file", type=Path, help="the released file")
    add_output(parser, "the checkpoint to write (NAME.posepyr.ckpt beside the file)", metavar="NAME.ckpt")
    parser.add_argument(
        "--source", choices=SOURCES, default="auto", help="project that released it (auto: by its keys)"
    )
    parser.add_argument(
        "--skeleton", help="the joints' order: a choice of conf/skeleton (coco for 17 joints, mpii for 16)"
    )
    add_input_size(parser, "that in the file's name; must be given where neither name nor weights tell it")
    parser.add_argument(
        "--backbone",
        action="store_true",
        help="take a classifier's weights without its head",
    )
    return parser


def read_skeleton(name: str | None, joints: int | None) -> dict[str, Any]:
    """Read the node of a skeleton: by name, else by the number of joints, else COCO's."""
    choices = catalogue.choices(catalogue.search_folders(), "skeleton")
    chosen = name or SKELETONS.get(joints or 17, "")
    if not chosen:
        raise UsageError(f"--skeleton must name the joints: the file has {joints}, which is neither COCO nor MPII")
    if chosen not in choices:
        raise UsageError(f"--skeleton must be a choice of conf/skeleton, got {chosen}; {suggestion(chosen, choices)}")
    import yaml

    node = yaml.safe_load(choices[chosen].read_text(encoding="utf-8"))
    if not isinstance(node, Mapping) or not isinstance(node.get("joints"), list):
        raise UsageError(f"--skeleton must list its joints in a file of its own, which {choices[chosen]} does not")
    return dict(node)


def input_size(option: str | None, name: str, decided: tuple[int, int] | None) -> tuple[tuple[int, int], str]:
    """Return height and width of the crops, by the option, the file's name or its keys, and where they come from."""
    if option:
        return parse_size(option), "--input"
    size = re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", name)
    if size:
        return (int(size[1]), int(size[2])), "the file's name"
    if decided:
        return decided, "all such files have it"
    raise UsageError(
        "--input must give the height x width that the network was trained on, as --input 256x192: neither the name "
        f"{name} nor its weights tell it"
    )


def default_output(file: Path) -> Path:
    """Return where a file's checkpoint is written by default: beside it, as ``NAME.posepyr.ckpt``."""
    name = file
    while name.suffix in ENDINGS:
        name = name.with_suffix("")
    return name.with_name(f"{name.name}.posepyr.ckpt")


def summary(conversion: "Conversion", reason: str) -> dict[str, str]:
    """Return what a converted file holds, by topic."""
    recipe, report = conversion.recipe, conversion.report
    kept = [key for key in recipe.model if key not in ("_target_", "mean", "std", "colour")]
    model = ", ".join(f"{key}={recipe.model[key]}" for key in kept)
    keys = str(report)
    if report.left_out:
        keys += f", {len(report.left_out)} of a classifier left out"
    if report.counters:
        keys += f", {len(report.counters)} counters of batch norms set to 0"
    topics = {
        "source": conversion.release.title,
        "network": f"{recipe.model['_target_'].rpartition('.')[2]}: {model}",
        "keys": keys,
        "colours": f"{recipe.model.get('colour', 'rgb')}, mean {recipe.model['mean']}, std {recipe.model['std']}",
    }
    if isinstance(recipe, ClassifierRecipe):
        return topics | {"use": "pose networks begin with it: posepyr train init=pretrained init.file=..."}
    height, width = recipe.input_size
    return topics | {
        "skeleton": recipe.skeleton["name"],
        "input": f"{height}x{width} ({reason}), box padded by {recipe.padding}",
        "codec": ", ".join(f"{key}={value}" for key, value in recipe.codec.items() if key != "_target_"),
    }
