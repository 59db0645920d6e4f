"""The package as users get it: a wheel, in an environment of its own, in a folder of their own."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from support.places import ROOT


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_code_configuration_and_type_marker(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "posepyr/py.typed" in names
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"posepyr/conf/{path.relative_to(ROOT / 'conf').as_posix()}" in names
    for path in (ROOT / "src" / "posepyr").rglob("*.py"):
        assert path.relative_to(ROOT / "src").as_posix() in names


def test_the_wheel_trains_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    site = next((environment / "lib").glob("python*")) / "site-packages"
    # The test's packages; its own editable posepyr is not among them, since path files are not followed twice.
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import posepyr; print(posepyr.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(environment)
    tiny = [
        "model.stacks=1", "model.width=32", "model.depth=2", "data.input_size=[32,32]", "data.batch_size=4",
        "data.workers=0", "data.source.train=8", "data.source.val=4", "data.source.test=4", "data.source.size=64",
        "trainer.max_epochs=1", "trainer=cpu", "progress=false", "name=wheel",
    ]  # fmt: skip
    run(environment / "bin" / "posepyr", "train", *tiny, cwd=tmp_path)
    assert len(list(tmp_path.glob("runs/wheel/*/metrics.json"))) == 1
