"""Malformed files of every format: each is refused by a message that names file and field, or counted where it is left
out. Nothing comes through from inside a library, and nothing is dropped in silence.
"""

import re
import traceback
from pathlib import Path

import pytest

import posepyr
from support import malformed_arrays, malformed_json, malformed_own, malformed_pictures, malformed_posetrack
from support.malformed import Format

HERE = Path(posepyr.__file__).resolve().parent

MODULES = [malformed_json, malformed_posetrack, malformed_own, malformed_arrays, malformed_pictures]
FORMATS = {one.name: one for module in MODULES for one in module.formats()}
CASES = {f"{case.format}: {case.fault}: {case.where}": case for module in MODULES for case in module.cases()}


@pytest.mark.parametrize("name", CASES)
def test_malformed_files_are_named_or_counted(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    one = FORMATS[case.format]
    one.write(tmp_path)
    case.spoil(tmp_path)
    if case.counted:
        assert one.read(tmp_path).skipped == {case.says: 1}
        return
    with pytest.raises(ValueError) as caught:
        one.read(tmp_path)
    message = str(caught.value)
    assert (one.named or Path(one.file).name) in message
    assert re.search(case.says, message), message
    assert len(message) < 1500
    # Raised here, not in a library that stumbled.
    raised = Path(traceback.extract_tb(caught.value.__traceback__)[-1].filename).resolve()
    assert raised.is_relative_to(HERE), message


@pytest.mark.parametrize("one", FORMATS.values(), ids=FORMATS)
def test_the_whole_file_is_read(one: Format, tmp_path: Path) -> None:
    one.write(tmp_path)
    one.read(tmp_path)


EVERY = {"truncated", "empty", "wrong type", "link", "missing"}
NUMBERS = {"not a number", "huge", "negative", "count"}
PIXELS = {"JPEG", "smaller JPEG", "PNG", "zip"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_class_of_fault_is_there_in_every_format(name: str) -> None:
    found = {case.fault for case in CASES.values() if case.format == name}
    without = {"CIFAR-10": {"not a number", "negative"}}.get(name, set())
    assert found >= (EVERY if name in PIXELS else EVERY | NUMBERS - without)


def test_there_are_more_than_two_hundred() -> None:
    assert len(CASES) > 200
