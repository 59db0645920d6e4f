"""One pass over a test split."""

from typing import Any

import pytest

from posepyr.evaluation.single_pass import in_this_process


@pytest.mark.parametrize(
    ("devices", "expected"), [(1, 1), (4, 1), ("4", 1), ([2, 3], [2]), ("2,3", 1), ([2], [2]), ("auto", "auto")]
)
def test_a_process_that_nobody_launched_tests_in_this_process(
    devices: Any, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "TORCHELASTIC_RUN_ID", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    asked = {"accelerator": "cpu", "devices": devices, "strategy": "ddp"}
    settings = in_this_process(asked)
    assert settings["devices"] == expected
    changed = settings["devices"] != devices
    assert settings["strategy"] == ("auto" if changed else "ddp")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert in_this_process(asked) == asked
