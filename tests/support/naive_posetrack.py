"""PoseTrack's scores once more, by loops over plain numbers."""

import math
from collections import defaultdict
from itertools import combinations, permutations
from typing import Any

from posepyr.metrics.posetrack_frames import ScoredFrame

Person = dict[str, Any]
Counts = dict[str, float]


def turns(point: tuple[float, float], polygon: list[tuple[float, float]]) -> int:
    """How many times a polygon goes around a point."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        angle = math.atan2(y2 - point[1], x2 - point[0]) - math.atan2(y1 - point[1], x1 - point[0])
        total += (angle + math.pi) % (2 * math.pi) - math.pi
    return round(total / (2 * math.pi))


def people_of(people: Any, polygons: Any, extra: str) -> list[Person]:
    found = []
    for row, track in enumerate(people.track.tolist()):
        joints = {}
        for joint, point in enumerate(map(tuple, people.keypoints[row].tolist())):
            ignored = any(turns(point, list(map(tuple, polygon.tolist()))) % 2 for polygon in polygons)
            if people.present[row, joint] and not ignored:
                joints[joint] = point
        if joints:
            found.append({"track": track, "joints": joints, "extra": getattr(people, extra)[row].tolist()})
    return found


def cleaned(frames: list[ScoredFrame]) -> list[tuple[str, list[Person], list[Person]]]:
    return [
        (
            frame.video,
            people_of(frame.truth, frame.ignored, "head_size"),
            people_of(frame.found, frame.ignored, "scores"),
        )
        for frame in frames
        if len(frame.truth.track)
    ]


def distance(person: Person, guess: Person, joint: int) -> float:
    if joint not in person["joints"] or joint not in guess["joints"]:
        return math.inf
    return math.dist(person["joints"][joint], guess["joints"][joint]) / float(person["extra"])


def naive_ap(frames: list[ScoredFrame], joint: int) -> float:
    scored: list[tuple[float, bool]] = []
    annotated = 0
    for _, people, guesses in cleaned(frames):
        annotated += sum(joint in person["joints"] for person in people)
        suitors: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for number, guess in enumerate(guesses):
            shares = [
                sum(distance(person, guess, other) <= 0.5 for other in person["joints"]) / len(person["joints"])
                for person in people
            ]
            if any(shares):
                best = shares.index(max(shares))
                suitors[number] = [(shares[best], best)]
        for number, guess in enumerate(guesses):
            if joint not in guess["joints"]:
                continue
            right = False
            for share, person in suitors[number]:
                rivals = [other for other, wish in suitors.items() if wish and wish[0][1] == person]
                winner = max(rivals, key=lambda other: (suitors[other][0][0], -other))
                right = winner == number and share > 0 and distance(people[person], guess, joint) <= 0.5
            scored.append((guess["extra"][joint], right))
    if not annotated:
        return math.nan
    total = 0.0
    for score, right in scored:
        if right:
            reached = []
            for threshold in {other for other, _ in scored if other <= score}:
                above = [truth for other, truth in scored if other >= threshold]
                reached.append(sum(above) / len(above))
            total += max(reached)
    return total / annotated


def best_pairs(allowed: dict[tuple[int, int], float], rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
    """Of all ways to pair rows with columns that has most pairs, the nearest: by trying every one."""
    for size in range(min(len(rows), len(columns)), 0, -1):
        ways = []
        for chosen in combinations(rows, size):
            for order in permutations(columns, size):
                pairs = list(zip(chosen, order, strict=True))
                if all(pair in allowed for pair in pairs):
                    ways.append((sum(allowed[pair] for pair in pairs), pairs))
        if ways:
            return min(ways)[1]
    return []


def naive_mota(frames: list[ScoredFrame], joint: int) -> Counts:
    counts = dict.fromkeys(("annotated", "missed", "switched", "wrong", "distance"), 0.0)
    last: dict[tuple[str, int], int] = {}
    for video, everyone, found in cleaned(frames):
        people = [person for person in everyone if joint in person["joints"]]
        guesses = [guess for guess in found if joint in guess["joints"]]
        allowed = {
            (row, column): between
            for row, person in enumerate(people)
            for column, guess in enumerate(guesses)
            if (between := distance(person, guess, joint)) <= 0.5
        }
        pairs: list[tuple[int, int]] = []
        for row, person in enumerate(people):
            for column, guess in enumerate(guesses):
                taken = any(column == other for _, other in pairs)
                held = last.get((video, person["track"])) == guess["track"]
                if held and not taken and (row, column) in allowed:
                    pairs.append((row, column))
        rows = [row for row in range(len(people)) if row not in {pair[0] for pair in pairs}]
        columns = [column for column in range(len(guesses)) if column not in {pair[1] for pair in pairs}]
        pairs += best_pairs(allowed, rows, columns)
        counts["annotated"] += len(people)
        counts["missed"] += len(people) - len(pairs)
        counts["wrong"] += len(guesses) - len(pairs)
        for row, column in pairs:
            key = (video, people[row]["track"])
            counts["switched"] += key in last and last[key] != guesses[column]["track"]
            counts["distance"] += allowed[row, column]
            last[key] = guesses[column]["track"]
    return counts
