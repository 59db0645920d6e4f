"""Oracles that can fail: each of a few wrong networks is noticed by a test."""

import subprocess
import sys

from support.places import ROOT


def test_the_oracles_notice_wrong_networks() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "experiments" / "mutation" / "few.py"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("::test_") == 12
