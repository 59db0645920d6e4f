"""Videos of people with three joints: drawn by hand, and at random."""

from collections.abc import Sequence

import numpy as np

from posepyr.metrics.posetrack_frames import NOT_FOLLOWED, FoundPeople, ScoredFrame, TruePeople

JOINTS = ("head_top", "left_wrist", "right_wrist")
HEAD = 10.0
"""Everybody's head size in the hand-made videos: joints are found within 5 pixels."""


def body(x: float) -> np.ndarray:
    return np.array([[x, 100.0], [x - 20.0, 200.0], [x + 20.0, 200.0]])


def true(*people: tuple[int, float]) -> TruePeople:
    """People as track and place."""
    return TruePeople(
        np.array([body(x) for _, x in people]).reshape(-1, 3, 2),
        np.ones((len(people), 3), np.bool_),
        np.array([track for track, _ in people], np.int64),
        np.full(len(people), HEAD),
    )


def found(*people: tuple[int, float] | tuple[int, float, float]) -> FoundPeople:
    """People as track, place and, if it is not 1, the score of each of their joints."""
    return FoundPeople(
        np.array([body(person[1]) for person in people]).reshape(-1, 3, 2),
        np.ones((len(people), 3), np.bool_),
        np.array([person[0] for person in people], np.int64),
        np.array([[person[2] if len(person) == 3 else 1.0] * 3 for person in people]).reshape(-1, 3),
    )


def video(*frames: tuple[TruePeople, FoundPeople], name: str = "v") -> list[ScoredFrame]:
    return [ScoredFrame(name, f"{name}/{number}.jpg", *frame) for number, frame in enumerate(frames)]


def unfollowed(frames: Sequence[ScoredFrame]) -> list[ScoredFrame]:
    return [
        frame._replace(found=frame.found._replace(track=np.full_like(frame.found.track, NOT_FOLLOWED)))
        for frame in frames
    ]


def random_videos(seed: int, videos: int = 3, length: int = 7) -> list[ScoredFrame]:
    """Up to four people a frame, found more or less well, twice or not at all, with changing tracks and equal scores.

    Joints are missing on both sides, polygons are to be ignored, and heads are of different sizes.
    """
    generator = np.random.default_rng(seed)
    frames = []
    for number in range(videos):
        places = generator.uniform(0, 60, (4, 3, 2))
        for place in range(length):
            people = generator.permutation(4)[: generator.integers(0, 5)]
            seen = generator.integers(0, 4, generator.integers(0, 5))
            truth = TruePeople(
                places[people] + generator.normal(0, 1, (len(people), 3, 2)),
                generator.random((len(people), 3)) > 0.2,
                people.astype(np.int64),
                generator.uniform(8, 30, len(people)),
            )
            guess = FoundPeople(
                places[seen] + generator.normal(0, 4, (len(seen), 3, 2)),
                generator.random((len(seen), 3)) > 0.1,
                generator.permutation(6)[: len(seen)].astype(np.int64),
                generator.integers(0, 6, (len(seen), 3)) / 4,
            )
            polygons = tuple(generator.uniform(0, 60, (corners, 2)) for corners in (3, 5)[: generator.integers(0, 3)])
            frames.append(ScoredFrame(f"v{number}", f"v{number}/{place}.jpg", truth, guess, polygons))
    return frames
