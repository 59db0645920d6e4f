"""``posepyr score``: the scores of anybody's predictions, without a network."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from posepyr import errors
from posepyr.cli import options
from posepyr.errors import UsageError
from posepyr.tables import align

if TYPE_CHECKING:
    from posepyr.evaluation.scoring import FileScores, ScoreSettings
    from posepyr.metrics.scorer import By

PAPERS = ("head_top", "head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
"""Joints in the order of the papers' tables; all others come below."""

LAYOUTS = """files are recognised by their content:
  truth         MPII: detections_our_format.mat or gt_valid.mat, valid.h5, valid.json with gt_valid.mat beside it;
                LSP: joints.mat; COCO: person_keypoints_*.json and the like; test_predictions.npz of posepyr evaluate
  predictions   an array preds, pred or pos_pred_src (n x joints x 2 and other axes) in .mat, .h5 or JSON, or JSON
                with a list of people with joints, all in the truth's order and counted from 1; COCO's results;
                test_predictions.npz of posepyr evaluate
  PoseTrack     both are folders with a file a video, in the layout of 2018 or of 2017; or the predictions are
                test_predictions.npz of posepyr evaluate, whose people are not followed
"""

EXAMPLES = """examples:
  posepyr score --metric pckh --truth detections_our_format.mat --predictions preds_valid.mat --json scores.json
  posepyr score --metric pckh --truth valid.h5 --predictions preds.h5 --strict --by visibility,size
  posepyr score --metric pcp --truth joints.mat --predictions pred.mat
  posepyr score --metric oks --truth person_keypoints_val2017.json --predictions results.json
  posepyr score --metric posetrack --truth annotations/val --predictions results
"""


def run(arguments: list[str]) -> int:
    """Score a file of predictions, and print or write the scores."""
    parser = make_parser("score", "Score predictions in a file against the truth in another.", LAYOUTS + EXAMPLES)
    parser.add_argument("--predictions", type=Path, required=True, metavar="FILE", help="the poses to score")
    parser.add_argument("--by", metavar="GROUP,...", help="break down by visibility, size, people (pckh and pck)")
    chosen = parser.read(arguments)
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    scores = score_files(chosen, read_settings(chosen))
    files = {"truth": str(chosen.truth), "predictions": str(chosen.predictions)}
    options.deliver(chosen, {"metric": chosen.metric, **files, **scores._asdict()}, text(chosen, scores))
    return errors.COMPLETED


def make_parser(command: str, description: str, examples: str) -> options.Parser:
    """Return a parser of a metric with its settings, and of the truth."""
    parser = options.Parser(f"posepyr {command}", description, examples)
    parser.add_argument("--metric", required=True, metavar="NAME", help="pckh, pck, pcp, oks, posetrack")
    parser.add_argument("--truth", type=Path, required=True, metavar="FILE", help="the annotated people")
    parser.add_argument("--threshold", type=float, metavar="T", help="share of the unit (pckh and pcp 0.5, pck 0.2)")
    parser.add_argument("--strict", action="store_true", help="pckh: nearer than the threshold, < instead of <=")
    parser.add_argument(
        "--compat", action="store_true", help="repeat slips of the releases: pckh@0.1 at 0.11, posetrack's MOTA"
    )
    parser.add_argument(
        "--skeleton", metavar="NAME", help="mpii, lsp, coco, ... or a data set's YAML file (the truth's)"
    )
    options.add_json(parser, "the scores, shares of 1 in place of percent,")
    return parser


def read_settings(chosen: argparse.Namespace) -> "ScoreSettings":
    """Return the settings on the command line, if the metric takes them."""
    from posepyr.evaluation.scoring import METRICS, ScoreSettings

    options.check_choice("--metric", chosen.metric, METRICS)
    options.check_positive(chosen, "threshold")
    settings = ScoreSettings(chosen.threshold, chosen.strict, chosen.compat, _groups(getattr(chosen, "by", None)))
    for name, value in settings._asdict().items():
        if value not in (None, False, ()) and name not in METRICS[chosen.metric].takes:
            raise UsageError(f"--{name} must be left out with --metric {chosen.metric}, which does not take it")
    return settings


def _groups(text: str | None) -> "tuple[By, ...]":
    from posepyr.metrics.scorer import By

    for name in text.split(",") if text else ():
        options.check_choice("--by", name, get_args(By))
    return tuple(name for name in get_args(By) if text and name in text.split(","))


def existing(path: Path, flag: str) -> Path:
    """Return the path of a file, if it is there."""
    if not path.is_file():
        raise UsageError(f"{flag} must name a file, got {path}, which is none")
    return path


def score_files(chosen: argparse.Namespace, settings: "ScoreSettings") -> "FileScores":
    """Return the scores of the files on the command line."""
    from posepyr.data.results.predictions import read_predictions
    from posepyr.data.results.truths import read_truth
    from posepyr.evaluation.scoring import find_skeleton, score, score_videos

    if chosen.metric == "posetrack":
        if chosen.skeleton:
            raise UsageError("--skeleton must be left out with --metric posetrack, whose joints are PoseTrack's")
        return score_videos(chosen.truth, chosen.predictions, settings)
    known = read_truth(existing(chosen.truth, "--truth"))
    found = read_predictions(existing(chosen.predictions, "--predictions"), len(known.joints))
    return score(chosen.metric, found, known, skeleton=find_skeleton(chosen.skeleton, known), settings=settings)


def text(chosen: argparse.Namespace, report: "FileScores") -> str:
    """Return the scores for reading, in percent."""
    scores = dict(report.scores)
    not_scored = int(scores.pop(f"{chosen.metric}_people_not_scored", 0))
    poses = f"{report.people:,}"
    if not_scored:
        poses += f", of which {not_scored:,} are not scored, since the size of the person is not known"
    if report.not_found:
        poses += f"; {report.not_found:,} joints have no coordinates and count as missed"
    lines = [
        f"metric       {report.protocol}",
        f"truth        {chosen.truth} ({report.layout})",
        f"predictions  {chosen.predictions}",
        f"poses        {poses}",
    ]
    if chosen.metric != "posetrack":
        return "\n".join([*lines, *table(_headings(scores, chosen.metric))]) + "\n"
    for title, metric in (("mAP", "map"), ("MOTA", "mota")):
        own = {name: value for name, value in scores.items() if (name.split("/")[0] == "map") == (metric == "map")}
        lines += ["", title, *table(_headings(own, metric))[1:]] if own else []
    return "\n".join(lines) + "\n"


def _headings(scores: Mapping[str, float], metric: str) -> dict[str, float]:
    """Return scores under the headings of a table."""
    names = {metric: "mean", f"{metric}_weighted": "weighted"}
    return {
        names.get(name, name.removeprefix(f"{metric}/").removeprefix(f"{metric}_").removeprefix("by_")): value
        for name, value in scores.items()
    }


def table(scores: Mapping[str, float], width: int = 100) -> list[str]:
    """Return lines of headings and percentages below them, the papers' columns first, none wider than ``width``."""
    first = [name for name in (*PAPERS, "mean", "weighted") if name in scores]
    rest = [name for name in scores if name not in first]
    lines: list[str] = []
    for names in (row for block in (first, rest) for row in _rows(block, width)):
        lines += ["", *align([names, [f"{100 * scores[name]:.2f}" for name in names]], ">")]
    return lines


def _rows(names: Sequence[str], width: int) -> list[list[str]]:
    """Part names into rows that fit into a width."""
    rows: list[list[str]] = []
    used = width
    for name in names:
        needed = max(6, len(name)) + 2
        if used + needed > width:
            rows.append([])
            used = 0
        rows[-1].append(name)
        used += needed
    return rows
