import inspect
import subprocess
import sys

import posepyr


def test_an_import_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, time\n"
        "before = time.process_time()\n"
        "import posepyr\n"
        "seconds = time.process_time() - before\n"
        "assert not {'torch', 'pytorch_lightning', 'hydra', 'omegaconf', 'numpy', 'cv2', 'yaml'} & set(sys.modules)\n"
        "print(seconds)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.1


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(posepyr.__all__) == sorted(dir(posepyr))
    for name in posepyr.__all__:
        value = getattr(posepyr, name)
        assert isinstance(value, str) or inspect.getdoc(value), name
    assert not hasattr(posepyr, "trian")


def test_experiments_have_names_and_titles() -> None:
    experiments = posepyr.list_experiments()
    assert "demo" in experiments
    assert all(experiments.values())
