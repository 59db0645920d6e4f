"""Every command and every piece of code in README, CONTRIBUTING and docs is run, on networks and data made small.

A comment above a block says otherwise: ``<!-- not run: REASON -->``, or ``<!-- composed: REASON -->`` where its
configuration is put together and nothing is trained. Output that a block shows of a command which is run as it stands
is held against what the command prints; ``...`` stands for anything.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

import posepyr
from posepyr.cli.main import main
from support.places import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = "runs/demo/2026-01-31_12-00-00"
"""The pages' example of a run folder."""

BLOCK = re.compile(r"(?:^<!-- (not run|composed): ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALL = ["model.width=32", "model.depth=2", "data.input_size=[32,32]", "data.batch_size=4", "data.workers=0",
         "trainer.max_epochs=1", "trainer=cpu", "progress=false"]  # fmt: skip
FIGURES = ["data.source.train=8", "data.source.val=4", "data.source.test=4", "data.source.size=64"]
AS_IT_STANDS = {"--resume", "--rerun", "--cfg"}


class Block(NamedTuple):
    """A fenced block of a page."""

    mark: str
    reason: str
    language: str
    text: str


class Command(NamedTuple):
    """A line of a console block, and the output that the block shows of it."""

    words: list[str]
    output: list[str]


def blocks(page: Path, language: str) -> list[Block]:
    found = [Block(*match) for match in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [block for block in found if block.language == language]


def commands(block: Block) -> Iterator[Command]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, *output = part.replace("\\\n", " ").splitlines()
        yield Command(shlex.split(line, comments=True), [shown for shown in output if shown.strip()])


def small(words: list[str]) -> list[str]:
    """The arguments of a command, with networks, data and schedules made small."""
    name, *rest = words
    if name != "train" or AS_IT_STANDS & set(rest):
        return words
    chosen = {word.split("=")[0] for word in rest}
    own_network = "model=mine" in rest
    extra = [word for word in SMALL if word.split("=")[0] not in chosen or "max_epochs" in word]
    if any(word.startswith("trainer.") and "max_epochs" not in word for word in rest):
        extra.remove("trainer=cpu")
    if own_network:
        extra = [word for word in extra if not word.startswith("model.")]
    return [name, *rest, *extra, *([] if "data=custom" in rest else FIGURES)]


def check_output(shown: list[str], printed: str, command: str) -> None:
    """Hold the lines of a page against what was printed, blanks and ``...`` aside."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for line in shown:
        pattern = re.escape(" ".join(line.split())).replace(r"\ \.\.\.\ ", r"\ (?:.*\ )?").replace(r"\.\.\.", ".*")
        assert any(re.fullmatch(pattern, each) for each in lines), f"{command} does not print {line!r}:\n{printed}"


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the pages take for granted: a photo, a run, predictions, a network of one's own."""
    folder = tmp_path_factory.mktemp("newcomer")
    cv2.imwrite(str(folder / "photo.jpg"), np.random.default_rng(0).integers(0, 256, (250, 200, 3), np.uint8))
    (folder / "boxes.json").write_text(blocks(ROOT / "docs" / "predicting.md", "json")[1].text)
    assert main(["train", "experiment=demo", *SMALL, *FIGURES, f"hydra.run.dir={folder / RUN}"]) == 0
    assert main(["evaluate", f"{folder / RUN}/checkpoints/best.ckpt", f"hydra.run.dir={folder / 'scored'}"]) == 0
    for name in ("predictions.npz", "other_predictions.npz"):
        shutil.copy(next(folder.rglob("test_predictions.npz")), folder / name)
    write_own_parts(folder)
    return folder


def write_own_parts(folder: Path) -> None:
    """Write what CONTRIBUTING adds as modules of one's own beside a configuration folder."""
    page = ROOT / "CONTRIBUTING.md"
    for kind, code, choice in zip(
        ("model", "data", "metrics"), blocks(page, "python"), blocks(page, "yaml"), strict=True
    ):
        (folder / f"my_{kind}.py").write_text(code.text)
        place = folder / "conf" / kind / "mine.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(re.sub(r"posepyr\.[\w.]+\.mine\.", f"my_{kind}.", choice.text))


def work_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.timeout(280)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_runs(
    page: Path, newcomer: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work_in(monkeypatch, newcomer)
    for name in ("drawn", "drawn_mpii"):
        shutil.rmtree(newcomer / name, ignore_errors=True)
    for block in blocks(page, "yaml"):
        if block.text.startswith("# arms.yaml"):
            (newcomer / "arms.yaml").write_text(block.text)
    for block in blocks(page, "console"):
        if block.mark == "not run":
            continue
        for words, output in commands(block):
            command = shlex.join(words)
            assert words[0] in ("make", "posepyr"), f"{command} is neither, and not marked as not run"
            if words[0] == "make":
                subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)
                continue
            arguments = [*words[1:], "--cfg", "job"] if block.mark == "composed" else small(words[1:])
            capsys.readouterr()
            assert main(arguments) == 0, command
            if arguments == words[1:]:
                check_output(output, capsys.readouterr().out, command)


@pytest.mark.timeout(280)
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "CONTRIBUTING"], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page: Path, newcomer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(newcomer)
    tiny = ", ".join(json.dumps(word) for word in ["experiment=demo", *SMALL, *FIGURES])
    for block in blocks(page, "python"):
        if block.mark != "not run":
            exec(compile(block.text.replace('"experiment=demo"', tiny), page.name, "exec"), {})


def test_what_the_readme_promises_is_there_afterwards(newcomer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands do what is said of them, beside ending well."""
    monkeypatch.chdir(newcomer)
    best = f"{RUN}/checkpoints/best.ckpt"
    assert main(["predict", best, "photo.jpg", "--output", "promised"]) == 0
    assert (newcomer / "promised" / "photo_pose.png").stat().st_size > 1000
    people = json.loads((newcomer / "promised" / "poses.json").read_text())
    assert people
    for name in ("config.yaml", "run.json", "metrics.csv", "metrics.json", "checkpoints/last.ckpt", "pictures"):
        assert (newcomer / RUN / name).exists(), name


def test_marks_have_reasons() -> None:
    for page in PAGES:
        for mark, reason, *_ in BLOCK.findall(page.read_text(encoding="utf-8")):
            assert not mark or len(reason) > 10, (page.name, reason)


def test_every_link_and_picture_is_there() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_version_stands_once() -> None:
    wheels = {name for page in PAGES for name in re.findall(r"posepyr-([\d.]+)-py3", page.read_text(encoding="utf-8"))}
    assert wheels == {posepyr.__version__}
    assert f"version: {posepyr.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {posepyr.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


def test_every_experiment_and_sweep_that_a_page_names_is_there() -> None:
    for page in [*PAGES, *sorted((ROOT / "experiments").rglob("*.md"))]:
        for group, name in re.findall(r"\b(experiment|sweep)=([a-z_0-9/]+)", page.read_text(encoding="utf-8")):
            assert (ROOT / "conf" / group / f"{name}.yaml").is_file(), (page.name, group, name)


def test_every_room_of_the_house_is_on_its_page() -> None:
    text = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    for path in (ROOT / "src" / "posepyr").iterdir():
        name = path.stem if path.suffix == ".py" else f"{path.name}/"
        if not path.name.startswith("__") and path.suffix in (".py", "") and (path.is_file() or any(path.glob("*.py"))):
            assert f"`{name}`" in text, name


def test_every_data_set_says_where_it_comes_from_and_how_its_folder_looks() -> None:
    text = (ROOT / "docs" / "data_sets.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:`data=(\w+)`)? \|(.*)$", text, re.MULTILINE)
    choices = {path.stem for path in (ROOT / "conf" / "data").glob("*.yaml")}
    assert {name for name, _ in rows if name} == choices - {"figures", "custom"}, "these two have sections of their own"
    for name, row in rows:
        header = (ROOT / "conf" / "data" / f"{name}.yaml").read_text(encoding="utf-8") if name else ""
        for folder in re.findall(r"\$POSEPYR_DATA/(\S+?) ", header):
            assert f"`{folder}/`" in row, (name, folder)


def test_a_data_set_and_a_metric_are_added_as_contributing_says(
    newcomer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One class and one yaml, here in the user's own folders; the network's command is one of the page's own."""
    work_in(monkeypatch, newcomer)
    (newcomer / "people").mkdir(exist_ok=True)
    figures = [f"../photo.jpg 20 10 120 230 {' '.join('60 70' for _ in range(16))}"] * 4
    for split in ("train", "val", "test"):
        (newcomer / "people" / f"{split}.txt").write_text("\n".join(figures))
    command = ["train", "--config-dir", "conf", "data=mine", "metrics=mine", "name=own_parts", *SMALL]
    assert main(command) == 0
    scores = json.loads(next(newcomer.glob("runs/own_parts/*/metrics.json")).read_text())
    assert scores["test/distance"] > 0
