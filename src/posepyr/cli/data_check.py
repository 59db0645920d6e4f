"""``posepyr data check``: errors that would stop or mislead a training, and notes."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.cli import data_source, options
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.studies.datasets.check import DatasetCheck
    from posepyr.studies.datasets.findings import Finding, Offender
    from posepyr.studies.datasets.pictures import DecodeLimit

SHOWN = 20
"""Offenders that are printed of each kind."""

EXAMPLES = """examples:
  posepyr data check data=coco
  posepyr data check data=mpii --split train --split val --pictures all --json report.json
  posepyr data check data=custom data.source.file=my_data.yaml

Ends with code 1 if anything is found that would stop or mislead a training.
"""


def run(arguments: list[str]) -> int:
    """Check a data set and report what was found."""
    chosen = _parser().read(arguments)
    limit = _decode_limit(chosen.pictures)
    data = data_source.build_data(data_source.configuration(chosen))
    # Here, after parsing: --help must not wait for NumPy.
    from posepyr.cli.options import tracking
    from posepyr.studies.datasets.check import SPLITS, check_data

    with tracking() as progress:
        found = check_data(data, tuple(dict.fromkeys(chosen.split or SPLITS)), limit, progress)
    options.deliver(
        chosen, {"overrides": chosen.overrides, **found.to_dict()}, text(found, data_source.describe(chosen))
    )
    return errors.FAILED if found.has_errors else errors.COMPLETED


def _parser() -> options.Parser:
    parser = data_source.parser(
        "check",
        "Check a data set before it is trained on: files and pictures that are missing or damaged, impossible boxes "
        "and joints, people annotated twice, counts against the published ones.",
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
    options.add_json(parser, "the report, with every offender,")
    return parser


def _decode_limit(value: str) -> "DecodeLimit":
    if value == "all":
        return "all"
    if value == "none":
        return "none"
    if not value.isdecimal():
        raise UsageError(f"--pictures must be a number, all or none, got {value}")
    return int(value)


def text(found: "DatasetCheck", chosen: str) -> str:
    """Return the report for reading."""
    lines = [f"data      {chosen}"]
    lines += [f"{name:<9} {_content(content)}" for name, content in found.splits.items()]
    lines.append(f"pictures  {_pictures(found.pictures)}")
    for finding in found.findings:
        lines += ["", *_finding(finding)]
    wrong = sum(finding.is_error for finding in found.findings)
    notes = len(found.findings) - wrong
    verdict = f"{_kinds(wrong)} of error that would stop or mislead a training" if wrong else "no errors"
    return "\n".join([*lines, "", f"{verdict}; {_kinds(notes)} of note"]) + "\n"


def _pictures(counts: Mapping[str, int]) -> str:
    if not counts["looked_at"]:
        return f"{counts['named']:,}, none looked at"
    return f"{counts['looked_at']:,} of {counts['named']:,} looked at, {counts['decoded']:,} decoded"


def _content(content: Mapping[str, Any]) -> str:
    if "same_as" in content:
        return f"the same as {content['same_as']}"
    if "classes" in content:
        return f"{content['pictures']:,} pictures of {len(content['classes'])} classes"
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in content["left_out"].items()) or "nobody"
    return f"{content['people']:,} people in {content['pictures']:,} pictures; left out: {left_out}"


def _finding(finding: "Finding") -> Iterator[str]:
    count = len(finding.offenders)
    yield f"{'ERROR' if finding.is_error else 'note'}  {finding.kind}: {count:,}"
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
