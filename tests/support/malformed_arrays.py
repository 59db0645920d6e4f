"""MATLAB and HDF5 files and CIFAR-10's records, spoilt in every field."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from posepyr.data.classification.cifar10 import Cifar10
from posepyr.data.formats.mpii_layout import read_ground_truth
from posepyr.data.sources.lsp import Lsp
from posepyr.data.sources.mpii import Mpii
from support import mpii_files
from support.malformed import Case, Format, of_file

NAN = float("nan")
COUNTED = True


def write_lsp(folder: Path, joints: Any) -> None:
    (folder / "images").mkdir(exist_ok=True)
    scipy.io.savemat(folder / "joints.mat", {"joints": joints}, do_compression=True)


def lsp(extended: bool) -> np.ndarray:
    """Two people, in either archive's order of axes."""
    places = np.stack([np.arange(14) * 3 + 10, np.arange(14) * 5 + 7, np.full(14, int(extended))]).astype(np.float64)
    people = np.stack([places, places + np.array([[1], [1], [0]])], axis=-1)
    return people.transpose(1, 0, 2) if extended else people


def at(extended: bool, part: int, value: float) -> np.ndarray:
    joints = lsp(extended)
    joints[(3, part, 1) if extended else (part, 3, 1)] = value
    return joints


def of_lsp(one: Format, extended: bool) -> Iterator[Case]:
    who = r"joints of person 1: left_hip must be "
    nobody = lsp(extended)
    nobody[(slice(None), 2, 1) if extended else (2, slice(None), 1)] = 0 if extended else 1
    rows = [
        ("not a number", "x", at(extended, 0, NAN), who + "a finite position"),
        ("huge", "y", at(extended, 1, 1e300), who + "a finite position"),
        ("huge", "x endless", at(extended, 0, np.inf), who + "a finite position"),
        ("negative", "state", at(extended, 2, -1), who + "marked by 0 or 1"),
        ("wrong type", "state", at(extended, 2, 0.5), who + "marked by 0 or 1"),
        ("not a number", "state", at(extended, 2, NAN), who + "marked by 0 or 1"),
        ("count", "13 joints", np.delete(lsp(extended), 0, 0 if extended else 1), "joints must be of 3 x 14 x n"),
        ("count", "4 numbers", np.repeat(lsp(extended), 2, 1 if extended else 0), "joints must be of 3 x 14 x n"),
        ("empty", "nobody", lsp(extended)[..., :0], "joints must be"),
        ("wrong type", "text", np.array(["joints"]), "joints must be numbers"),
        ("wrong type", "cells", np.array([[1, "a"]], object), "joints must be numbers"),
        ("wrong type", "complex", lsp(extended) * 1j, "joints must be numbers"),
    ]
    if extended:
        rows.append(("empty", "no joint of somebody", nobody, "without labelled joints"))
    for fault, where, joints, says in rows:
        yield Case(
            one.name, fault, where,
            lambda folder, joints=joints: write_lsp(folder, joints), says, says.startswith("without"),
        )  # fmt: skip
    yield Case(
        one.name, "missing", "the variable",
        lambda folder: scipy.io.savemat(folder / one.file, {"joint": lsp(extended)}), "joints must be given",
    )  # fmt: skip


def read_lsp(folder: Path) -> Any:
    return Lsp(str(folder), splits={"train": (0, 2)}, box="joints").split("train")


def write_official(folder: Path, *people: Any, **changes: Any) -> None:
    people = people or (mpii_files.complete(100), mpii_files.complete(200))
    (folder / "images").mkdir(exist_ok=True)
    mpii_files.write_official(
        folder / "mpii_human_pose_v1_u12_1.mat", [mpii_files.picture("a.jpg", *people)], [1], **changes
    )


def read_official(folder: Path) -> Any:
    return Mpii(str(folder), splits={"train": "trainval"}).split("train")


def point(**changes: Any) -> dict[str, Any]:
    """Somebody with a single point."""
    whole = {"x": 40.0, "y": 30.0, "id": np.uint8(9), "is_visible": np.uint8(1)}
    kept = {name: value for name, value in (whole | changes).items() if value is not None}
    return mpii_files.complete(100, annopoints=mpii_files.points(kept))


SOMEBODY = r"annolist\(1\)\.annorect\(1\): "

OFFICIAL: list[tuple[str, str, dict[str, Any], str] | tuple[str, str, dict[str, Any], str, bool]] = [
    ("not a number", "x", point(x=NAN), SOMEBODY + r"point\.x must be a finite"),
    ("huge", "y", point(y=1e300), SOMEBODY + r"point\.y must be a finite"),
    ("wrong type", "x", point(x="left"), SOMEBODY + r"point\.x must be a number"),
    ("empty", "x", point(x=mpii_files.EMPTY), SOMEBODY + r"point\.x must be a number"),
    ("missing", "y", point(y=None), SOMEBODY + r"annopoints\.point must have the field y"),
    ("count", "id", point(id=np.uint8(16)), SOMEBODY + r"point\.id must be a whole number from 0 to 15"),
    ("negative", "id", point(id=np.int8(-1)), SOMEBODY + r"point\.id must be a whole number from 0 to 15"),
    ("wrong type", "is_visible", point(is_visible="2"), SOMEBODY + r"point\.is_visible must be 0 or 1"),
    ("wrong type", "annopoints", mpii_files.complete(100, annopoints="none"), SOMEBODY + "annopoints must be"),
    ("empty", "annopoints", mpii_files.complete(100, annopoints=mpii_files.EMPTY), "without labelled joints", COUNTED),
    ("missing", "objpos", mpii_files.complete(100, objpos=None), "without position or scale", COUNTED),
    ("negative", "scale", mpii_files.complete(100, scale=-1.0), "without position or scale", COUNTED),
    ("wrong type", "scale", mpii_files.complete(100, scale="big"), SOMEBODY + "scale must be a finite"),
    ("huge", "scale", mpii_files.complete(100, scale=1e300), SOMEBODY + "scale must be a finite"),
    ("not a number", "x1", mpii_files.complete(100, x1=NAN), SOMEBODY + "x1 must be a finite"),
    ("wrong type", "objpos", mpii_files.complete(100, objpos=5.0), SOMEBODY + "objpos must be"),
]


def of_official(one: Format) -> Iterator[Case]:
    for fault, where, person, says, *counted in OFFICIAL:
        yield Case(
            one.name, fault, where,
            lambda folder, person=person: write_official(folder, person, mpii_files.complete(300)), says, bool(counted),
        )  # fmt: skip
    for fault, where, changes, says in (
        ("count", "img_train", {"img_train": np.array([[1, 0]])}, r"RELEASE\.img_train must hold 0 or 1 for each"),
        ("not a number", "img_train", {"img_train": np.array([[NAN]])}, r"RELEASE\.img_train must hold 0 or 1"),
        ("wrong type", "annolist", {"annolist": np.array([[1.0]])}, r"RELEASE\.annolist must be a structure"),
        ("empty", "annolist", {"annolist": mpii_files.EMPTY, "img_train": np.zeros((1, 0))}, "must hold"),
    ):
        yield Case(one.name, fault, where, lambda folder, changes=changes: write_official(folder, **changes), says)
    yield Case(
        one.name, "missing", "RELEASE",
        lambda folder: scipy.io.savemat(folder / one.file, {"a": 1}), "RELEASE must be given",
    )  # fmt: skip


def hourglass(**changes: Any) -> dict[str, Any]:
    return mpii_files.table(["a.jpg", "b.jpg"], [100, 200], [(0, 0), (1, 0)], **changes)


def write_hourglass(folder: Path, **changes: Any) -> None:
    (folder / "images").mkdir(exist_ok=True)
    mpii_files.write_table(folder / "annot" / "valid.h5", hourglass(**changes))


def changed(name: str, place: Any, value: float) -> dict[str, Any]:
    array = np.array(hourglass()[name], np.float64)
    array[place] = value
    return {name: array}


HDF5: list[tuple[str, str, dict[str, Any], str] | tuple[str, str, dict[str, Any], str, bool]] = [
    *(("missing", name, {name: None}, f"{name} must be given") for name in hourglass()),
    ("not a number", "part", changed("part", (1, 3, 0), NAN), r"part\[1, 3, 0\] must hold finite"),
    ("huge", "part", changed("part", (1, 3, 1), 1e300), r"part\[1, 3, 1\] must hold finite"),
    ("count", "part", {"part": np.zeros((2, 15, 2))}, "part must have the shape 2 x 16 x 2"),
    ("count", "people", {"scale": np.ones(3)}, "scale must have the shape 2"),
    ("negative", "visible", changed("visible", (0, 0), -2), r"visible\[0, 0\] must be 0 or 1"),
    ("wrong type", "visible", changed("visible", (0, 0), 0.5), r"visible\[0, 0\] must be 0 or 1"),
    ("negative", "index", changed("index", 0, -1), r"index\[0\] must be a whole number from 0"),
    ("wrong type", "person", changed("person", 1, 0.5), r"person\[1\] must be a whole number from 0"),
    ("not a number", "scale", changed("scale", 0, NAN), r"scale\[0\] must hold finite"),
    ("negative", "scale", changed("scale", 0, -1), "without position or scale", COUNTED),
    ("empty", "part", changed("part", 0, 0), "without labelled joints", COUNTED),
    ("empty", "people", {name: np.array(values)[:0] for name, values in hourglass().items()}, "must hold somebody"),
    ("wrong type", "imgname", {"imgname": np.arange(2.0)}, "imgname must name the pictures"),
    ("wrong type", "center", {"center": np.array([[b"a", b"b"]] * 2)}, "center must hold numbers"),
    ("empty", "imgname", {"imgname": np.array(["", "b.jpg"], "S5")}, "imgname must name the pictures"),
]


def of_arrays(one: Format, rows: Sequence[Any], write: Callable[..., Any]) -> Iterator[Case]:
    for fault, where, changes, says, *counted in rows:
        yield Case(
            one.name, fault, where, lambda folder, changes=changes: write(folder, **changes), says, bool(counted)
        )


def write_truth(folder: Path, **changes: Any) -> None:
    mpii_files.write_truth(folder / "gt.mat", mpii_files.truth([100, 200], **changes))


TRUTH = [
    *(("missing", name, {name: None}, f"{name} must be given") for name in mpii_files.truth([100])),
    ("count", "pos_gt_src", {"pos_gt_src": np.zeros((15, 2, 2))}, "pos_gt_src must have the shape"),
    ("count", "people", {"jnt_missing": np.zeros((16, 3))}, "must hold equally many people"),
    ("not a number", "pos_gt_src", {"pos_gt_src": np.full((16, 2, 2), NAN)}, r"pos_gt_src\[.*\] must hold finite"),
    ("huge", "headboxes_src", {"headboxes_src": np.full((2, 2, 2), 1e9)}, r"headboxes_src\[.*\] must hold finite"),
    ("negative", "jnt_missing", {"jnt_missing": np.full((16, 2), -1)}, "jnt_missing must hold 0 or 1"),
    ("wrong type", "dataset_joints", {"dataset_joints": np.zeros(16)}, "dataset_joints must name"),
    ("wrong type", "jnt_missing", {"jnt_missing": "none"}, "jnt_missing must hold numbers"),
]


def write_cifar(folder: Path) -> None:
    for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
        (folder / name).write_bytes(b"".join(bytes([label]) * 3073 for label in range(3)))


def of_cifar(one: Format) -> Iterator[Case]:
    whole = b"".join(bytes([label]) * 3073 for label in range(3))
    for fault, where, content, says in (
        (
            "wrong type",
            "a class",
            whole[:3073] + b"\x0a" + whole[3074:],
            "record 1 must begin with a class from 0 to 9",
        ),
        ("huge", "a class", b"\xff" + whole[1:], "record 0 must begin with a class from 0 to 9"),
        ("count", "a byte too many", whole + b"\0", "must consist of records"),
        ("count", "CIFAR-100's records", b"\0" * 3074, "must consist of records"),
    ):
        yield Case(
            one.name, fault, where, lambda folder, content=content: (folder / one.file).write_bytes(content), says
        )


def read_hourglass(folder: Path) -> Any:
    return Mpii(str(folder), annotations="annot/{split}.h5").split("val")


FORMATS: list[tuple[Format, Callable[[Format], Iterator[Case]]]] = [
    (
        Format("LSP", "joints.mat", lambda folder: write_lsp(folder, lsp(False)), read_lsp),
        lambda one: of_lsp(one, False),
    ),
    (
        Format("LSPET", "joints.mat", lambda folder: write_lsp(folder, lsp(True)), read_lsp),
        lambda one: of_lsp(one, True),
    ),
    (Format("MPII", "mpii_human_pose_v1_u12_1.mat", write_official, read_official), of_official),
    (
        Format("MPII HDF5", "annot/valid.h5", write_hourglass, read_hourglass),
        lambda one: of_arrays(one, HDF5, write_hourglass),
    ),
    (
        Format("MPII truth", "gt.mat", write_truth, lambda folder: read_ground_truth(folder / "gt.mat")),
        lambda one: of_arrays(one, TRUTH, write_truth),
    ),
    (Format("CIFAR-10", "data_batch_3.bin", write_cifar, lambda folder: Cifar10(str(folder)).split("train")), of_cifar),
]


def cases() -> Iterator[Case]:
    for one, own in FORMATS:
        yield from of_file(one)
        yield from own(one)


def formats() -> list[Format]:
    return [one for one, _ in FORMATS]
