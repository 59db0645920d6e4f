import subprocess
import sys
from pathlib import Path

import pytest

from posepyr.cli import completion
from posepyr.cli.commands import BENCH, DATA, POSEPYR
from posepyr.cli.completion import arguments, candidates
from posepyr.cli.score import METRICS
from posepyr.configuration.catalogue import search_folders


def test_commands(conf: Path) -> None:
    assert candidates(search_folders(), "tr", "tr", first=True) == ["train"]
    assert candidates(search_folders(), "", "", first=True) == sorted(set(POSEPYR.commands) - {"complete"})
    assert candidates(search_folders(), "list", "m") == ["model"]
    assert candidates(search_folders(), "completion", "b") == ["bash"]
    assert candidates(search_folders(), "predict", "") == [], "files are the shell's"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], sorted(BENCH.commands)),
        (["mod"], ["model"]),
        (["model"], ["model"]),
        (["sleep"], []),
        (["model", "model=py"], ["model=pyramid", "model=pyramid_small"]),
        (["model", "model=plain", "model.b"], ["model.bias=", "model.block="]),
        (["model", "--ag"], []),
    ],
)
def test_bench_takes_what_to_measure_and_then_overrides(conf: Path, words: list[str], expected: list[str]) -> None:
    found = candidates(search_folders(), "bench", words[-1], ["posepyr", "bench", *words, "", ""])
    assert found == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], sorted(DATA.commands)),
        (["sh"], ["show"]),
        (["check", "data=m"], ["data=missing"]),
        (["stats", "data.source.n"], ["data.source.names="]),
        (["make", ""], ["figures"]),
        (["make", "da"], []),
        (["show", "--he"], []),
    ],
)
def test_data_takes_what_to_do_and_then_overrides(conf: Path, words: list[str], expected: list[str]) -> None:
    found = candidates(search_folders(), "data", words[-1], ["posepyr", "data", *words, "", ""])
    assert found == expected


@pytest.mark.parametrize("command", ["score", "compare"])
def test_scores_are_named_behind_their_flag(conf: Path, command: str) -> None:
    words = ["posepyr", command, "--metric"]
    assert candidates(search_folders(), command, "", [*words, "", ""]) == sorted(METRICS)
    assert candidates(search_folders(), command, "pck", [*words, "pck", ""]) == ["pck", "pckh"]
    assert candidates(search_folders(), command, "", [*words, "pck", "--truth", ""]) == [], "files are the shell's"


def test_audit_takes_overrides(conf: Path) -> None:
    assert candidates(search_folders(), "audit", "model=py", ["posepyr", "audit"]) == [
        "model=pyramid", "model=pyramid_small",
    ]  # fmt: skip
    assert candidates(search_folders(), "audit", "--r", ["posepyr", "audit"]) == []


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
        ("--r", [], ["--rerun", "--resolve", "--resume"]),
        ("model.stacks=", [], []),
    ],
)
def test_overrides(conf: Path, word: str, words: list[str], expected: list[str]) -> None:
    assert candidates(search_folders(), "train", word, words) == expected


def test_arguments_are_read_through_what_passes_them_on() -> None:
    assert {"max_epochs", "accelerator"} <= set(arguments("pytorch_lightning.Trainer"))
    assert {"lr", "alpha"} <= set(arguments("torch.optim.RMSprop"))
    assert {"sigma", "refine"} <= set(arguments("posepyr.codec.Codec"))
    assert arguments("no.such.Thing") == []
    assert arguments("posepyr.codec.Codek") == []
    assert arguments("") == []


def test_asking_is_quick_because_nothing_is_imported() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "assert main(['complete', 'train', 'trainer.max_e', 'posepyr', 'train', 'trainer.max_e']) == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("trainer.max_epochs=\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert completion.run([shell]) == 0
    assert "posepyr complete" in capsys.readouterr().out


def test_bash_completes_the_part_behind_the_equals_sign() -> None:
    script = completion.SCRIPTS["bash"]
    code = f"""posepyr() {{ printf 'model=plain\\nmodel=pyramid\\n'; }}
{script}
COMP_LINE='posepyr train model=p' COMP_POINT=21 COMP_WORDS=(posepyr train model = p) COMP_CWORD=4
_posepyr
echo "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["plain", "pyramid"], "")
