import subprocess
import sys
from pathlib import Path

import pytest

from posepyr.cli import completion
from posepyr.cli.completion import candidates
from posepyr.cli.main import BENCH, DATA, POSEPYR
from posepyr.configuration.catalogue import search_folders


def complete(*words: str) -> list[str]:
    return candidates(search_folders(), words)


def test_commands(conf: Path) -> None:
    assert complete("tr") == ["train"]
    assert complete("") == sorted(set(POSEPYR.commands) - {"complete"})
    assert complete("list", "m") == ["model", "mssh"]
    assert "papers" in complete("list", "p")
    assert complete("completion", "b") == ["bash"]
    assert complete("predict", "") == [], "files are the shell's"
    assert complete("trian", "") == []


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
    assert complete("bench", *words) == expected


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
    assert complete("data", *words) == expected


@pytest.mark.parametrize("command", ["train", "evaluate", "audit", "complexity"])
def test_commands_that_take_overrides(conf: Path, command: str) -> None:
    assert complete(command, "model=py") == ["model=pyramid", "model=pyramid_small"]
    flags = ["--rerun", "--resolve", "--resume"] if command in ("train", "evaluate") else []
    assert complete(command, "--r") == flags


def test_every_command_that_takes_overrides_exists() -> None:
    for command in completion.OVERRIDES:
        first, _, second = command.partition(" ")
        runs = POSEPYR.commands[first].runs
        assert not second if isinstance(runs, str) else second in runs.commands


def test_asking_is_quick_because_nothing_is_imported() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "assert main(['complete', 'train', 'trainer.max_e']) == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("trainer.max_epochs=\n", "")


def test_the_users_folder_is_looked_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").touch()
    assert completion.run_complete(["train", "--config-dir", str(tmp_path), "model=mi"]) == 0
    assert capsys.readouterr().out == "model=mine\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert completion.run([shell]) == 0
    assert "posepyr complete" in capsys.readouterr().out


def test_bash_completes_the_part_behind_the_equals_sign() -> None:
    script = completion.SCRIPTS["bash"]
    code = f"""posepyr() {{ [[ "$1 $2 $3" == "complete train model=p" ]] && printf 'model=plain\\nmodel=pyramid\\n'; }}
{script}
COMP_LINE='posepyr train model=p' COMP_POINT=21
_posepyr
echo "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["plain", "pyramid"], "")
