"""``posepyr score``: the scores of anybody's predictions, without a network."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from posepyr import errors
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.data.results import Known
    from posepyr.evaluation.scoring import Report, Settings
    from posepyr.skeleton import Skeleton

METRICS = ("pckh", "pck", "pcp", "oks", "posetrack")
PAPERS = ("head_top", "head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
"""Joints in the order of the papers' tables; whatever else there is comes below."""

LAYOUTS = """files are recognised by what is in them:
  truth         MPII: detections_our_format.mat or gt_valid.mat, valid.h5, valid.json with gt_valid.mat beside it;
                LSP: joints.mat; COCO: person_keypoints_*.json and the like; what posepyr evaluate saves (.npz)
  predictions   an array preds, pred or pos_pred_src (n x joints x 2 and other axes) in .mat, .h5 or JSON, or JSON
                with a list of people with joints, all in the truth's order and counted from 1; COCO's results;
                what posepyr evaluate saves
  PoseTrack     both are folders with a file a video, in the layout of 2018 or of 2017; or the predictions are what
                posepyr evaluate saves, people who are not followed
"""

EXAMPLES = """examples:
  posepyr score --metric pckh --truth detections_our_format.mat --predictions preds_valid.mat --json scores.json
  posepyr score --metric pckh --truth valid.h5 --predictions preds.h5 --strict --by visibility,size
  posepyr score --metric pcp --truth joints.mat --predictions pred.mat
  posepyr score --metric oks --truth person_keypoints_val2017.json --predictions results.json
  posepyr score --metric posetrack --truth annotations/val --predictions results
"""


def run(arguments: list[str]) -> int:
    """Scores, prints, and writes the report where it is asked for."""
    made = parser("score", "Score predictions in a file against the truth in another.", LAYOUTS + EXAMPLES)
    made.add_argument("--predictions", type=Path, required=True, metavar="FILE", help="what was found")
    made.add_argument("--by", metavar="WAY,...", help="break down by visibility, size, people (pckh and pck)")
    options = made.parse_args(arguments)
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    chosen = settings(options)
    report = scored(options, chosen)
    write_json(options.json, {"metric": options.metric, **said(options), **report._asdict()})
    sys.stdout.write(text(options, report))
    return errors.COMPLETED


def scored(options: argparse.Namespace, chosen: "Settings") -> "Report":
    """The report on what a command line names."""
    from posepyr.data.results import read_predictions, read_truth
    from posepyr.evaluation.scoring import score, score_videos

    if options.metric == "posetrack":
        if options.skeleton:
            raise UsageError("--skeleton must be left out with --metric posetrack, whose joints are PoseTrack's")
        return score_videos(options.truth, options.predictions, chosen)
    known = read_truth(existing(options.truth, "--truth"))
    found = read_predictions(existing(options.predictions, "--predictions"), len(known.joints))
    return score(options.metric, found, known, skeleton_of(options.skeleton, known), chosen)


def parser(command: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Takes a metric with its settings, and the truth."""
    made = argparse.ArgumentParser(
        f"posepyr {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--metric", required=True, metavar="NAME", help=", ".join(METRICS))
    made.add_argument("--truth", type=Path, required=True, metavar="FILE", help="what is known of the people")
    made.add_argument("--threshold", type=float, metavar="T", help="share of the unit (pckh and pcp 0.5, pck 0.2)")
    made.add_argument("--strict", action="store_true", help="pckh: nearer than the threshold, < instead of <=")
    made.add_argument("--compat", action="store_true", help="pckh: 0.1 means 0.11, as in the HRNet and PPNet releases")
    made.add_argument("--skeleton", metavar="NAME", help="mpii, lsp, coco, ... or a data set's YAML file (the truth's)")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the report; shares are of 1 there, not of 100")
    return made


def settings(options: argparse.Namespace) -> "Settings":
    """The settings of the metric that is asked for, if it takes them."""
    from posepyr.suggestion import suggestion

    if options.metric not in METRICS:
        raise UsageError(f"--metric must name a score, got {options.metric}; {suggestion(options.metric, METRICS)}")
    from posepyr.evaluation import scoring
    from posepyr.metrics.breakdown import By

    asked: str = getattr(options, "by", None) or ""
    by: tuple[By, ...] = tuple(way for way in get_args(By) if way in asked.split(","))
    for way in asked.split(",") if asked else ():
        if way not in by:
            raise UsageError(f"--by must name some of {', '.join(get_args(By))}, got {way!r}")
    if options.threshold is not None and not 0 < options.threshold < float("inf"):
        raise UsageError(f"--threshold must be a positive number, got {options.threshold}")
    chosen = scoring.Settings(options.threshold, options.strict, options.compat, by)
    for name, value in chosen._asdict().items():
        if value not in (None, False, ()) and name not in scoring.METRICS[options.metric].takes:
            raise UsageError(f"--{name} must be left out with --metric {options.metric}, which does not take it")
    return chosen


def existing(path: Path, flag: str) -> Path:
    """The file that a flag names."""
    if not path.is_file():
        raise UsageError(f"{flag} must name a file, got {path}, which is none")
    return path


def skeleton_of(name: str | None, known: "Known") -> "Skeleton":
    """The skeleton of a name or of a data set's YAML file; without either that of ours which has the truth's joints."""
    from posepyr.data.sources import custom
    from posepyr.skeleton import Skeleton

    if name is not None and name.endswith((".yaml", ".yml")):
        return custom.skeleton(name)
    ours = _skeletons()
    if name is not None:
        from posepyr.suggestion import suggestion

        if name not in ours:
            raise UsageError(f"--skeleton must be one of {', '.join(ours)}, got {name}; {suggestion(name, ours)}")
        return ours[name]
    alike = [skeleton for skeleton in ours.values() if set(skeleton.joints) == set(known.joints)]
    # Two data sets label the same joints in different orders.
    alike.sort(key=lambda skeleton: skeleton.joints != known.joints)
    return alike[0] if alike else Skeleton(known.file.stem, known.joints)


def _skeletons() -> "dict[str, Skeleton]":
    import yaml

    from posepyr.configuration import catalogue
    from posepyr.nodes import build

    files = catalogue.choices(catalogue.search_folders(), "skeleton")
    contents = {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in files.items()}
    # A data set of one's own names its joints in its own file.
    return {name: build(content) for name, content in contents.items() if "joints" in content}


def write_json(file: Path | None, content: Any) -> None:
    """Write a report where one is asked for."""
    from posepyr.files import write_text

    if file is not None:
        write_text(file, json.dumps(content, indent=2) + "\n")


def said(options: argparse.Namespace) -> dict[str, str]:
    """The files of a command line."""
    return {name: str(getattr(options, name)) for name in ("truth", "predictions") if hasattr(options, name)}


def text(options: argparse.Namespace, report: "Report") -> str:
    """The report for reading, in percent."""
    scores = dict(report.scores)
    left_out = int(scores.pop(f"{options.metric}_left_out", 0))
    scored = f"{report.people:,}"
    if left_out:
        scored += f", {left_out:,} of them left out, whose size cannot be measured"
    if report.not_found:
        scored += f"; {report.not_found:,} joints have no place and count as missed"
    lines = [
        f"metric       {report.protocol}",
        f"truth        {options.truth} ({report.layout})",
        f"predictions  {options.predictions}",
        f"poses        {scored}",
    ]
    if options.metric != "posetrack":
        return "\n".join([*lines, *table(_named(scores, options.metric))]) + "\n"
    for title, metric in (("mAP", "map"), ("MOTA", "mota")):
        own = {name: value for name, value in scores.items() if (name.split("/")[0] == "map") == (metric == "map")}
        lines += ["", title, *table(_named(own, metric))[1:]] if own else []
    return "\n".join(lines) + "\n"


def _named(scores: Mapping[str, float], metric: str) -> dict[str, float]:
    """Scores under the headings of a table."""
    names = {metric: "mean", f"{metric}_weighted": "weighted"}
    return {
        names.get(name, name.removeprefix(f"{metric}/").removeprefix(f"{metric}_").removeprefix("by_")): value
        for name, value in scores.items()
    }


def table(scores: Mapping[str, float], width: int = 100) -> list[str]:
    """Headings and percentages, the papers' columns first; as many lines as it takes."""
    first = [name for name in PAPERS if name in scores]
    first += [name for name in ("mean", "weighted") if name in scores]
    blocks = [first, [name for name in scores if name not in first]] if first else [list(scores)]
    lines: list[str] = []
    for names in (row for block in blocks for row in _rows(block, width)):
        lines += ["", "  ".join(f"{name:>8}" for name in names)]
        lines.append("  ".join(f"{100 * scores[name]:>{max(8, len(name))}.2f}" for name in names))
    return lines


def _rows(names: Sequence[str], width: int) -> list[list[str]]:
    """Names in lines that are no wider than they may be."""
    rows: list[list[str]] = []
    used = width
    for name in names:
        needed = max(8, len(name)) + 2
        if used + needed > width:
            rows.append([])
            used = 0
        rows[-1].append(name)
        used += needed
    return rows
