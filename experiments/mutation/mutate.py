"""Mutate the networks, losses, codec, geometry and initialisation, and count the mutants that tests notice.

Run from anywhere: ``python experiments/mutation/mutate.py --report``. Every mutant is appended to
``runs/mutation/results.jsonl`` as soon as it is done, and a second call goes on where the first one stopped.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
# What counts is what the repository's own tests notice, without the samples that are not part of it.
os.environ["POSEPYR_SHARED"] = os.devnull

from children import Task, in_children, warm_up
from ordinary import ordinary_mutants
from report import write_report
from sources import ROOT, Mutant, named, sources
from structural import structural_mutants
from touched import measure
from trials import SLOWER, START, Choice, run_mutant

SEED = 13
SAMPLE = 1000


def all_mutants() -> list[Mutant]:
    """Return all mutants, the structural ones first."""
    files = sources()
    found = named([*structural_mutants(files), *(mutant for source in files for mutant in ordinary_mutants(source))])
    return sorted(found, key=lambda mutant: not mutant.structural)


def chosen_mutants() -> list[Mutant]:
    """Return the structural mutants, and of the others the sample: those with the least hashes of seed and name."""
    mutants = all_mutants()
    others = sorted((mutant for mutant in mutants if not mutant.structural), key=_lot)
    return [mutant for mutant in mutants if mutant.structural] + others[:SAMPLE]


def _lot(mutant: Mutant) -> str:
    return hashlib.sha256(f"{SEED}|{mutant.name}".encode()).hexdigest()


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of mutants, by their names; of several results the last."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {row["name"]: row for row in map(json.loads, lines)}


def run(mutants: list[Mutant], choice: Choice, path: Path, processes: int) -> None:
    """Run mutants and append their results."""
    for number, (task, answer, seconds) in enumerate(in_children(_tasks(mutants, choice), processes), start=1):
        mutant: Mutant = task.subject
        answer = answer or {"outcome": "killed", "by": "the limit of time, or a crash", "ran": 0}
        if "::" in answer["by"]:
            choice.killed(mutant, answer["by"])
        row = {
            "name": mutant.name,
            "file": mutant.file,
            "line": mutant.line,
            "scope": mutant.scope,
            "kind": mutant.kind,
            "structural": mutant.structural,
            "before": mutant.before,
            "after": mutant.after,
            **answer,
            "seconds": round(seconds, 2),
        }
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        if answer["outcome"] != "killed":
            print(f"{number}/{len(mutants)} {describe(row)}", flush=True)


def _tasks(mutants: list[Mutant], choice: Choice) -> Iterator[Task]:
    for mutant in mutants:
        chunks = choice.chunks(mutant)
        seconds = sum(map(choice.seconds, chunks))
        yield Task(mutant, partial(run_mutant, mutant, chunks), START + SLOWER * seconds)


def describe(row: dict[str, Any]) -> str:
    """Return a mutant in one line."""
    before, after = (" ".join(row[side].split()) for side in ("before", "after"))
    place = f"{row['file']}:{row['line']} {row['scope']}"
    return f"{row['name']} {place} [{row['kind']}] {before} -> {after} ({row['ran']} tests)"


def parse_arguments() -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "mutation", help="keeps results and lines")
    parser.add_argument("--files", nargs="*", help="only mutants of these files, as layers/pyramid.py")
    parser.add_argument("--every", action="store_true", help="all ordinary mutants instead of the sample")
    parser.add_argument("--names", nargs="*", help="only these mutants")
    parser.add_argument("--tests", nargs="*", help="only these test files")
    parser.add_argument("--again", choices=("survived", "all"), help="run these a second time")
    parser.add_argument("--report", action="store_true", help="write results.csv and survivors.csv")
    parser.add_argument("--most", type=int, help="at most so many mutants")
    return parser.parse_args()


def asked_mutants(asked: argparse.Namespace) -> list[Mutant]:
    """Return the mutants that the arguments choose."""
    mutants = all_mutants() if asked.every or asked.names else chosen_mutants()
    if asked.names:
        mutants = [mutant for mutant in mutants if mutant.name in asked.names]
    return [mutant for mutant in mutants if not asked.files or mutant.file in asked.files]


def main() -> int:
    """Measure what tests run, run what has not been run yet, and say what survived."""
    asked = parse_arguments()
    asked.folder.mkdir(parents=True, exist_ok=True)
    results = asked.folder / "results.jsonl"
    warm_up()
    mutants = asked_mutants(asked)
    choice = Choice(measure(asked.folder / "lines.jsonl", asked.processes, asked.tests))
    known = read_results(results)
    done = {name for name, row in known.items() if asked.again != "all" and row["outcome"] != asked.again}
    waiting = [mutant for mutant in mutants if mutant.name not in done][: asked.most]
    run(waiting, choice, results, asked.processes)
    known = read_results(results)
    rows = [known[mutant.name] for mutant in mutants if mutant.name in known]
    killed = sum(row["outcome"] == "killed" for row in rows)
    print(f"{killed} of {len(rows)} killed")
    if asked.report:
        write_report(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
