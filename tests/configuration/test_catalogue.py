from pathlib import Path

import pytest

from posepyr.configuration import catalogue
from posepyr.configuration.catalogue import override_candidates, search_folders, target_arguments
from posepyr.errors import UsageError


def test_the_folder_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (catalogue.configuration_folder() / "config.yaml").is_file()


def test_groups_and_choices_nest(conf: Path) -> None:
    folders = catalogue.search_folders()
    assert catalogue.groups(folders) == ["callbacks", "data", "experiment", "experiment/paper", "logger", "model"]
    assert list(catalogue.choices(folders, "experiment")) == ["paper/first"]
    assert list(catalogue.choices(folders, "model")) == ["plain", "pyramid", "pyramid_small"]
    assert catalogue.declared_keys(folders) == [
        "callbacks", "checkpoint", "data", "experiment", "logger", "model", "name", "seed"
    ]  # fmt: skip


def test_the_users_files_win(conf: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "model"
    own.mkdir(parents=True)
    (own / "plain.yaml").touch()
    choices = catalogue.choices(catalogue.search_folders(tmp_path / "own"), "model")
    assert choices["plain"] == own / "plain.yaml"
    assert choices["pyramid"] == conf / "model" / "pyramid.yaml"
    with pytest.raises(UsageError, match="--config-dir must name a folder"):
        catalogue.search_folders(tmp_path / "nowhere")


def test_a_header_has_a_title_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(
        "# @package _global_\n# A title\n# of two lines.\n#\n# paper: table 1,\n#   row 2\n# expected: 88.5\n"
        "name: x\n# paper: not this\n"
    )
    assert catalogue.header(path) == ("A title of two lines.", {"paper": "table 1, row 2", "expected": "88.5"})
    path.write_text("name: x\n# too late\n")
    assert catalogue.header(path) == ("", {})


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
    found = override_candidates(search_folders(), word, words)
    assert sorted(candidate for candidate in set(found) if candidate.startswith(word)) == expected


def test_arguments_are_read_through_what_passes_them_on() -> None:
    assert {"max_epochs", "accelerator"} <= set(target_arguments("pytorch_lightning.Trainer"))
    assert {"lr", "alpha"} <= set(target_arguments("torch.optim.RMSprop"))
    assert {"sigma", "refine"} <= set(target_arguments("posepyr.codec.Codec"))
    assert target_arguments("no.such.Thing") == []
    assert target_arguments("posepyr.codec.Codek") == []
    assert target_arguments("") == []
