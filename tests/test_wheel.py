"""The package as users get it: a wheel, in an environment of its own, in a folder of their own."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import posepyr
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
    for path in (ROOT / "src" / "posepyr").rglob("*.*"):
        if path.suffix in (".py", ".yaml"):
            assert path.relative_to(ROOT / "src").as_posix() in names


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and the packages that the tests have."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    programs = environment / "bin"
    run(sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-deps", "--no-index", wheel,
        cwd=environment)  # fmt: skip
    site = next((environment / "lib").glob("python*")) / "site-packages"
    # The tests' own editable posepyr is not among them, since path files are not followed twice.
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    place = run(programs / "python", "-c", "import posepyr; print(posepyr.__file__)", cwd=environment)
    assert Path(place.strip()).is_relative_to(environment)
    return programs


def test_the_wheel_has_the_version_of_the_package(wheel: Path) -> None:
    assert wheel.name == f"posepyr-{posepyr.__version__}-py3-none-any.whl"


def test_the_installed_command_lists_its_own_configuration(installed: Path, tmp_path: Path) -> None:
    assert "hourglass_prm" in run(installed / "posepyr", "list", "models", cwd=tmp_path)
    assert "experiment=pyranet/mpii" in run(installed / "posepyr", "list", "pyranet", cwd=tmp_path)


def test_the_installed_command_trains_from_any_folder(installed: Path, tmp_path: Path) -> None:
    tiny = [
        "model.stacks=1", "model.width=32", "model.depth=2", "data.input_size=[32,32]", "data.batch_size=4",
        "data.workers=0", "data.source.train=8", "data.source.val=4", "data.source.test=4", "data.source.size=64",
        "trainer.max_epochs=1", "trainer=cpu", "progress=false", "name=wheel",
    ]  # fmt: skip
    run(installed / "posepyr", "train", *tiny, cwd=tmp_path)
    assert len(list(tmp_path.glob("runs/wheel/*/metrics.json"))) == 1


def test_the_installed_package_trains_from_standard_input(installed: Path, tmp_path: Path) -> None:
    """As ``python - <<< "import posepyr; ..."`` in an empty folder."""
    overrides = ["experiment=demo", "trainer.max_steps=20", "data.source.val=20", "data.source.test=20"]
    script = f"import posepyr; print(posepyr.train(posepyr.compose({overrides})).folder)"
    done = subprocess.run(
        [installed / "python", "-"], input=script, cwd=tmp_path, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / done.stdout.strip()
    assert (folder / "metrics.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
