import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from posepyr.cli import main
from posepyr.cli.main import BENCH, DATA, POSEPYR, Group
from posepyr.errors import UsageError
from posepyr.running import launch
from posepyr.sweeps import jobs, plan
from posepyr.training import preflight

CONFIG = ["train", "--cfg", "job"]


def posepyr(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posepyr", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_help_is_at_once_because_nothing_is_imported() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "from posepyr.cli.main import main; import posepyr\n"
        "assert main(['--help']) == 0 and main(['train', '--help']) == 0 and main(['evaluate', '--help']) == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name, (_, summary) in POSEPYR.commands.items():
        assert (f"  {name} " in done.stdout) == bool(summary)
        assert summary in done.stdout


def test_exit_codes_and_messages(tmp_path: Path) -> None:
    done = posepyr("trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "posepyr: error: trian is no command of posepyr; did you mean train? See posepyr --help\n"
    assert posepyr().returncode == 2
    done = posepyr("train", "--multrun")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Traceback" in posepyr("train", "--multrun", POSEPYR_TRACEBACK="1").stderr
    assert posepyr("--version").stdout.startswith("posepyr ")


def test_in_one_process(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([*CONFIG, "model.stacks=3", "--resolve"]) == 0
    assert "stacks: 3" in capsys.readouterr().out
    assert main.main([*CONFIG, "model.stcks=3"]) == 2
    assert "did you mean model.stacks?" in capsys.readouterr().err
    assert main.main(["train", "--resume", "nowhere"]) == 2
    assert main.main(["evaluate"]) == 2
    assert main.main(["evaluate", "nowhere.ckpt"]) == 2


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (RuntimeError("x"), 1), (OSError("x"), 1)])
def test_what_ends_a_run_is_its_exit_code(
    conf: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(*_: object, **__: object) -> dict[str, float]:
        raise error

    for module in (preflight, plan):
        monkeypatch.setattr(module, "check_run", lambda *_, **__: None)
    for module in (launch, jobs):
        monkeypatch.setattr(module, "launch", fail)
    assert main.main(["train"]) == code
    assert main.main(["train", "-m", "seed=1,2"]) == code


def test_rerun_and_resume_hand_over_what_was_stored(
    conf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[int, Path, object]] = []

    def note(
        config: dict[str, int], folder: Path, overrides: list[str], resume: Path | None = None
    ) -> dict[str, float]:
        calls.append((config["seed"], folder, resume))
        return {}

    monkeypatch.setattr(preflight, "check_run", lambda *_, **__: None)
    monkeypatch.setattr(launch, "launch", note)
    old = tmp_path / "old"
    (old / "checkpoints").mkdir(parents=True)
    assert main.main(["train", "seed=7", "--cfg", "job", "--resolve"]) == 0
    from posepyr.configuration.compose import Composer

    (old / "config.yaml").write_text(Composer().job(["seed=7"]).text("job", resolve=True), encoding="utf-8")
    assert main.main(["train", "--rerun", str(old)]) == 0
    assert main.main(["train", "seed=8", "--rerun", str(old)]) == 0
    assert main.main(["train", "--resume", str(old)]) == 2, "nothing was saved yet"
    last = old / "checkpoints" / "last.ckpt"
    torch.save({}, last)
    assert main.main(["train", "--resume", str(old)]) == 0
    assert calls == [(7, Path("runs/train/run"), None), (8, Path("runs/train/run-1"), None), (7, old, last)]


def test_a_reader_that_leaves_early_gets_no_complaint() -> None:
    command = f"{sys.executable} -m posepyr completion bash | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


OWN_NETWORK = """
import torch
from torch import nn

class Tiny(nn.Module):
    def __init__(self, joints: int, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.Conv2d(3, width, 4, stride=4), nn.Conv2d(width, joints, 1)
        self.all = nn.Sequential(*self.layers)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.all(image.float()),)
"""

OWN_CONFIGURATION = {
    "model/tiny": "_target_: own_network.Tiny",
    "experiment/tiny": "# @package _global_\n# A network of my own.\ndefaults: [{override /model: tiny}]\nname: tiny",
}


@pytest.fixture
def own_folder(tmp_path: Path, write: Callable[[Path, dict[str, str]], Path]) -> Path:
    write(tmp_path / "conf", OWN_CONFIGURATION)
    (tmp_path / "own_network.py").write_text(OWN_NETWORK)
    # A module that must not hide the package of this name.
    (tmp_path / "yaml.py").write_text("raise ImportError('the wrong yaml')\n")
    return tmp_path


def console_script(folder: Path, *arguments: str) -> str:
    script = Path(sys.executable).with_name("posepyr")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [script, *arguments], cwd=folder, capture_output=True, text=True, timeout=250, check=False,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("devices", [pytest.param(1, marks=pytest.mark.long), 2])
def test_the_console_script_trains_and_evaluates_a_network_of_ones_own(own_folder: Path, devices: int) -> None:
    tiny = [
        "data.input_size=[32,32]", "data.batch_size=4", "data.workers=0", "data.source.train=8", "data.source.val=4",
        "data.source.test=4", "data.source.size=64", "trainer.max_epochs=1", "trainer=ddp", "progress=false",
        "trainer.accelerator=cpu", f"trainer.devices={devices}",
    ]  # fmt: skip
    console_script(own_folder, "train", "--config-dir", "conf", "experiment=tiny", *tiny)
    [run] = (own_folder / "runs" / "tiny").iterdir()
    console_script(own_folder, "evaluate", str(run / "checkpoints" / "best.ckpt"), "--split", "val")
    assert (run / "metrics.json").is_file()


def test_other_commands_find_it_too(own_folder: Path) -> None:
    assert "tiny" in console_script(own_folder, "list", "models", "--config-dir", "conf")
    assert "Tiny" in console_script(own_folder, "train", "--config-dir", "conf", "model=tiny", "--cfg", "job")


def places(group: Group) -> Iterator[str]:
    for runs, _ in group.commands.values():
        if isinstance(runs, Group):
            yield from places(runs)
        else:
            yield runs


def test_every_command_exists() -> None:
    package = Path(main.__file__).parent
    for place in places(POSEPYR):
        module, _, function = place.partition(":")
        assert f"def {function}(" in (package / f"{module}.py").read_text(encoding="utf-8"), place


def test_every_file_of_the_folder_is_a_command_or_shared_by_several() -> None:
    shared = {"__init__", "arguments", "data_source", "main", "options"}
    modules = {path.stem for path in Path(main.__file__).parent.glob("*.py")}
    assert modules == shared | {place.partition(":")[0] for place in places(POSEPYR)}


@pytest.mark.parametrize("group", [POSEPYR, BENCH, DATA])
def test_help_names_every_command_but_those_of_scripts(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert (group.run(["--help"]), group.run([])) == (0, 2)
    out = capsys.readouterr().out
    assert out.count(f"usage: {group.program} COMMAND") == 2
    assert "complete " not in out
    for name, (_, summary) in group.commands.items():
        assert (f"  {name} " in out) == bool(summary)
        assert summary in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "trian is no command of posepyr; did you mean train? See posepyr --help"),
        (["bench", "modl"], "modl is no command of posepyr bench; did you mean model? See posepyr bench --help"),
        (["data", "chek"], "chek is no command of posepyr data; did you mean check? See posepyr data --help"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        POSEPYR.run(arguments)
    assert str(raised.value) == message
