"""``posepyr data check``: what would spoil a training, and what is worth a look."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.cli import data_source
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.cli.data_source import Data
    from posepyr.studies.datasets.check import DatasetCheck
    from posepyr.studies.datasets.findings import Finding, Offender
    from posepyr.studies.datasets.pictures import DecodeLimit

SHOWN = 20
"""Offenders that are printed of each kind."""

EXAMPLES = """examples:
  posepyr data check data=coco
  posepyr data check data=mpii --split train --split val --pictures all --json report.json
  posepyr data check data=custom data.source.file=my_data.yaml

Ends with code 1 if anything is found that would spoil a training.
"""


def run(arguments: list[str]) -> int:
    """Checks, prints, and writes the report where it is asked for."""
    options = _parser().parse_intermixed_args(arguments)
    most = _most(options.pictures)
    data = data_source.data_of(data_source.configuration(options))
    report = check(data, options.split, most)
    if options.json:
        from posepyr.files import write_text

        content = {"overrides": options.overrides, **report.to_dict()}
        write_text(options.json, json.dumps(content, indent=2) + "\n")
    sys.stdout.write(text(report, data_source.named(options)))
    return errors.FAILED if report.spoilt else errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = data_source.parser(
        "check",
        "Go through a data set: files and pictures that are missing or damaged, boxes and joints that cannot be, "
        "people annotated twice, counts against the published ones.",
        EXAMPLES,
    )
    parser.add_argument(
        "--split", action="append", metavar="NAME", help="may be given several times (train, val and test)"
    )
    parser.add_argument(
        "--pictures",
        default="500",
        metavar="N",
        help="how many pictures to decode, or all; of the others the headers are read; none looks at no picture (500)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report, with every offender")
    return parser


def _most(given: str) -> "DecodeLimit":
    if given == "all":
        return "all"
    if given == "none":
        return "none"
    if not given.isdecimal():
        raise UsageError(f"--pictures must be a number, all or none, got {given}")
    return int(given)


def check(data: "Data", names: list[str] | None, most: "DecodeLimit") -> "DatasetCheck":
    """The report on a data set."""
    from posepyr.cli.progress import tracking
    from posepyr.data.module import ClassificationDataModule
    from posepyr.studies.datasets.check import SPLITS, check_labelled, check_poses

    asked = tuple(dict.fromkeys(names or SPLITS))
    with tracking() as track:
        if isinstance(data, ClassificationDataModule):
            return check_labelled(data.source, asked, most, track)
        return check_poses(data.source, data.skeleton, asked, most, track)


def text(report: "DatasetCheck", chosen: str) -> str:
    """The report for reading."""
    lines = [f"data      {chosen}"]
    for name, holds in report.splits.items():
        lines.append(f"{name:<9} {_holds(holds)}")
    lines.append(f"pictures  {_pictures(report.pictures)}")
    for finding in report.findings:
        lines += ["", *_finding(finding)]
    errors = sum(finding.spoils for finding in report.findings)
    notes = len(report.findings) - errors
    verdict = f"{_kinds(errors)} of error, which would spoil a training" if errors else "nothing to spoil a training"
    return "\n".join([*lines, "", f"{verdict}; {_kinds(notes)} of note"]) + "\n"


def _pictures(counts: Mapping[str, int]) -> str:
    if not counts["looked_at"]:
        return f"{counts['named']:,}, none looked at"
    return f"{counts['looked_at']:,} of {counts['named']:,} looked at, {counts['decoded']:,} decoded"


def _holds(holds: Mapping[str, Any]) -> str:
    if "same_as" in holds:
        return f"the same as {holds['same_as']}"
    if "classes" in holds:
        return f"{holds['pictures']:,} pictures of {len(holds['classes'])} classes"
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in holds["left_out"].items()) or "nobody"
    return f"{holds['people']:,} people in {holds['pictures']:,} pictures; left out: {left_out}"


def _finding(finding: "Finding") -> Iterator[str]:
    count = len(finding.offenders)
    yield f"{'ERROR' if finding.spoils else 'note'}  {finding.kind}: {count:,}"
    for offender in finding.offenders[:SHOWN]:
        yield from (f"  {line}" for line in _offender(offender).splitlines())
    if count > SHOWN:
        yield f"  and {count - SHOWN:,} more; --json FILE has them all"


def _offender(offender: "Offender") -> str:
    who = offender.split if offender.person is None else f"{offender.split} {offender.person}"
    record = f" ({offender.record})" if offender.record else ""
    where = f" {offender.picture}{record}" if offender.picture and offender.picture not in offender.value else record
    return f"{who}{where}: {offender.value}"


def _kinds(count: int) -> str:
    return f"{count} kind{'' if count == 1 else 's'}"
