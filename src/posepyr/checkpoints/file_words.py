"""A network's keys in the words of the file that it was read from, as an error names what is missing there.

The rules undo those of :mod:`posepyr.checkpoints.releases`.
"""

import re
from collections.abc import Callable, Iterable, Sequence

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""A pattern and what takes its place in a key."""


def rename(key: str, rules: Sequence[Rule]) -> str:
    """Return a key under its other name; all rules are applied, in order."""
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


def numbers(keys: Iterable[str], pattern: str) -> list[int]:
    """Return the numbers at the group of a pattern, over all keys, in order."""
    found = (re.match(pattern, key) for key in keys)
    return sorted({int(match[1]) for match in found if match})


def one_more(prefix: str) -> Callable[[re.Match[str]], str]:
    """Return a replacement that counts from 1 what the pattern's group counts from 0."""
    return lambda match: f"{prefix}{int(match[1]) + 1}."


def _step(match: re.Match[str]) -> str:
    """Return a step of a fuse layer: downwards they are numbered, upwards there is one."""
    target, source, step, layer = match.groups()
    return f".fuse_layers.{target}.{source}." + (f"{step}.{layer}." if int(source) < int(target) else f"{layer}.")


RESIDUALS: list[Rule] = [
    (r"\.main\.(\d)\.0\.", one_more(".conv")),
    (r"\.main\.(\d)\.1\.", one_more(".bn")),
    (r"\.shortcut\.", ".downsample."),
]

TARGETS: Rule = (r"\.targets\.(\d+)\.paths\.(\d+)\.(\d+)\.(\d)\.", _step)


def stem_words(prefix: str) -> list[Rule]:
    """Return the words of the stem that HRNet and PPNet share."""
    return [
        (rf"^{prefix}stem\.2\.", "layer1."),
        (rf"^{prefix}stem\.(\d)\.0\.", one_more("conv")),
        (rf"^{prefix}stem\.(\d)\.1\.", one_more("bn")),
    ]


def hrnet_words(keys: Iterable[str]) -> list[Rule]:
    """Return the words of HRNet's files; the heads of its classifiers are called as in the file at hand."""
    keys = list(keys)
    return [
        (r"^heads\.0\.", "final_layer."),
        (r"^head\.widen\.(\d)\.", rf"{_word(keys, 'incre_modules', '0')}.\1.0."),
        (r"^head\.lower\.", f"{_word(keys, 'downsamp_modules', '1')}."),
        (r"^head\.features\.", f"{_word(keys, 'final_layer', '2')}."),
        (r"^head\.classify\.", f"{_word(keys, 'classifier', 'fc')}."),
        *stem_words(r"body\."),
        (r"^body\.spread\.paths\.0\.0\.", "transition1.0."),
        (r"^body\.spread\.paths\.", "transition1."),
        (r"^body\.extensions\.(\d)\.path\.", lambda match: "transition{0}.{0}.".format(int(match[1]) + 1)),
        (r"^body\.stages\.(\d)\.", lambda match: f"stage{int(match[1]) + 2}."),
        (r"\.branches\.paths\.", ".branches."),
        (r"\.exchange(?=\.targets\.)", ""),
        TARGETS,
        *RESIDUALS,
    ]


def _word(keys: Sequence[str], *words: str) -> str:
    """Return the first of some words with which a key begins, and ``head.`` where that stands before it."""
    found = (re.match(rf"((?:head\.)?(?:{'|'.join(words)}))\.", key) for key in keys)
    return next((match[1] for match in found if match), words[0])


def ppnet_words(_keys: Iterable[str]) -> list[Rule]:
    """Return the words of PPNet's files."""
    return [
        *stem_words(""),
        (r"^spread\.paths\.0\.0\.", "input_layer.0."),
        (r"^spread\.paths\.", "input_layer."),
        (r"^pyramids\.(\d+)\.paths\.", r"ppnet.\1.branches."),
        (r"^exchanges\.(\d+)\.", r"ppnet.\1."),
        TARGETS,
        *RESIDUALS,
        (r"^features\.", "fc."),
        (r"^merge_features\.", "fc_."),
        (r"^heads\.", "heatmap_layer."),
        (r"^merge_heatmaps\.", "heatmap_layer_."),
    ]


def simple_baseline_words(_keys: Iterable[str]) -> list[Rule]:
    """Return the words of SimpleBaseline's files, which are ResNet's."""
    return [
        (r"^backbone\.stem\.0\.0\.", "conv1."),
        (r"^backbone\.stem\.0\.1\.", "bn1."),
        (r"^backbone\.stages\.(\d)\.", one_more("layer")),
        *RESIDUALS,
        (r"^classify\.", "fc."),
        (r"^upsampling\.", "deconv_layers."),
        (r"^head\.", "final_layer."),
    ]


ROLES: dict[str | None, int] = {"skip": 0, "down": 1, "up": 2, None: 3}
"""Places of a level's modules; the innermost has no name of its own."""


def pytorch_pose_words(keys: Iterable[str]) -> list[Rule]:
    """Return the words of pytorch-pose's hourglass, whose levels count from the innermost."""
    outermost = max(numbers(keys, r"hg\.0\.hg\.(\d+)\."), default=0)

    def place(match: re.Match[str]) -> str:
        level = outermost - match[2].count("inner") + (match[3] is None)
        return f"hg.{match[1]}.hg.{level}.{ROLES[match[3]]}."

    return [
        (r"^hourglasses\.(\d+)\.((?:inner\.)*)(?:(skip|down|up)\.|(?=\d))", place),
        (r"^stem\.0\.", "conv1."),
        (r"^stem\.1\.0\.", "bn1."),
        (r"^stem\.2\.", "layer1.0."),
        (r"^stem\.4\.", "layer2.0."),
        (r"^stem\.5\.", "layer3.0."),
        (r"\.main\.([024])\.0\.", lambda match: f".bn{int(match[1]) // 2 + 1}."),
        (r"\.main\.([135])\.", lambda match: f".conv{int(match[1]) // 2 + 1}."),
        (r"\.shortcut\.", ".downsample.0."),
        (r"^features\.(\d+)\.0\.", r"res.\1."),
        (r"^features\.(\d+)\.1\.", r"fc.\1.0."),
        (r"^features\.(\d+)\.2\.0\.", r"fc.\1.1."),
        (r"^heads\.", "score."),
        (r"^merge_features\.", "fc_."),
        (r"^merge_heatmaps\.", "score_."),
    ]
