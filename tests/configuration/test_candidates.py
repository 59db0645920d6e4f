"""Candidates for overrides, read from a small configuration's files."""

from pathlib import Path

import pytest

from posepyr.configuration.candidates import arguments, overrides
from posepyr.configuration.catalogue import search_folders


@pytest.mark.parametrize(
    ("word", "words", "expected"),
    [
        ("mo", [], ["model="]),
        ("model", [], ["model.", "model="]),
        ("model=", [], ["model=plain", "model=pyramid", "model=pyramid_small"]),
        ("model=plain,py", [], ["model=plain,pyramid", "model=plain,pyramid_small"]),
        ("experiment=p", [], ["experiment=paper/first"]),
        ("model.s", [], ["model.size=", "model.stacks="]),
        ("model.block.", [], ["model.block.levels=", "model.block.scale=", "model.block.variant="]),
        ("model.b", ["model=plain"], ["model.bias=", "model.block="]),
        ("model.j", [], []),
        ("data.source.", [], ["data.source.file=", "data.source.names=", "data.source.share="]),
        ("checkpoint.", [], ["checkpoint.mode=", "checkpoint.monitor="]),
        ("model.stacks=", [], []),
    ],
)
def test_overrides(conf: Path, word: str, words: list[str], expected: list[str]) -> None:
    found = overrides(search_folders(), word, words)
    assert sorted(candidate for candidate in set(found) if candidate.startswith(word)) == expected


def test_arguments_are_read_through_what_passes_them_on() -> None:
    assert {"max_epochs", "accelerator"} <= set(arguments("pytorch_lightning.Trainer"))
    assert {"lr", "alpha"} <= set(arguments("torch.optim.RMSprop"))
    assert {"sigma", "refine"} <= set(arguments("posepyr.codec.Codec"))
    assert arguments("no.such.Thing") == []
    assert arguments("posepyr.codec.Codek") == []
    assert arguments("") == []
