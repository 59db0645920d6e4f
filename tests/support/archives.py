"""Tiny data sets in the layouts of the archives that the recipes train on, all of drawn people."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.io

from posepyr.cli.data_make import drawn_skeleton
from posepyr.data.classification.cifar10 import RECORD
from posepyr.data.export import write_coco, write_lsp, write_mpii
from posepyr.data.export.writing import write_jpeg
from posepyr.data.sources.figures import Figures
from posepyr.records import VISIBLE
from posepyr.skeleton import AI_CHALLENGER_JOINTS

TRAIN, VAL = 4, 2
SPLITS = ["train", "val"]
SKELETON = drawn_skeleton()
FIGURES = Figures(0.2, size=64, train=TRAIN, val=VAL, seed=3)

TRACKED = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "thorax", "head_top",
)  # fmt: skip
"""Drawn joints by PoseTrack's ids; what is drawn has no nose, and the thorax takes its place."""


def write_mpii_archive(root: Path, train: int, val: int) -> None:
    """MPII alone, with so many people to train on and to validate on."""
    write_mpii(Figures(0.2, size=64, train=train, val=val, seed=3), SKELETON, root / "mpii", SPLITS)


def write_pose_archives(root: Path) -> None:
    """A folder for every data set, called as its configuration expects."""
    write_coco(FIGURES, SKELETON, root / "coco", SPLITS)
    write_detections(root / "coco")
    write_mpii(FIGURES, SKELETON, root / "mpii", SPLITS)
    write_lsp(FIGURES, SKELETON, root / "lsp", SPLITS)
    write_lsp_extended(root / "lsp", root / "lspet")
    write_posetrack(root / "posetrack17")
    write_ai_challenger(root / "ai_challenger")


def write_detections(coco: Path) -> None:
    """The validation people as a detector might find them: each twice, not quite in the same box."""
    truth = json.loads((coco / "annotations" / "person_keypoints_val2017.json").read_text())
    boxes = [
        {"image_id": person["image_id"], "category_id": 1, "bbox": np.add(person["bbox"], shift).tolist(), "score": 0.9}
        for person in truth["annotations"]
        for shift in ((0, 0, 0, 0), (3, 2, -4, 1))
    ]
    _write_json(coco / "person_detection_results" / "COCO_val2017_detections_AP_H_56_person.json", boxes)


def write_lsp_extended(lsp: Path, folder: Path) -> None:
    """LSP's people as LSP-extended has its own: the axes turned, 1 for visible, five digits in the pictures' names."""
    joints = scipy.io.loadmat(lsp / "joints.mat")["joints"]
    (folder / "images").mkdir(parents=True)
    scipy.io.savemat(folder / "joints.mat", {"joints": np.stack([joints[0], joints[1], 1 - joints[2]], axis=1)})
    for picture in (lsp / "images").iterdir():
        (folder / "images" / f"im0{picture.stem[2:]}.jpg").write_bytes(picture.read_bytes())


def write_posetrack(folder: Path) -> None:
    """A video a split in the layout of 2017, in which nearly everything is a list of one."""
    for split in SPLITS:
        people, frames = FIGURES.split(split), []
        for index in range(len(people)):
            person, name = people[index], f"images/{split}/video/{index:06d}.jpg"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_jpeg(folder / name, people.view(person).pixels)
            points = [
                {"id": [identity], "x": [float(x)], "y": [float(y)], "is_visible": [1]}
                for identity, (x, y) in enumerate(person.keypoints[[SKELETON.index(joint) for joint in TRACKED]])
            ]
            head = {"x1": [20], "y1": [10], "x2": [30], "y2": [22]}
            rectangle = {**head, "track_id": [0], "annopoints": [{"point": points}]}
            frames.append({"image": [{"name": name}], "imgnum": [index + 1], "annorect": [rectangle]})
        _write_json(folder / "annotations" / split / "video.json", {"annolist": frames})


def write_ai_challenger(folder: Path) -> None:
    """The training people; nobody is validated on."""
    part = folder / "ai_challenger_keypoint_train_20170902"
    pictures, entries = part / "keypoint_train_images_20170902", []
    pictures.mkdir(parents=True)
    people = FIGURES.split("train")
    columns = [SKELETON.index(joint) for joint in AI_CHALLENGER_JOINTS]
    for index in range(len(people)):
        person = people[index]
        write_jpeg(pictures / f"{index:040x}.jpg", people.view(person).pixels)
        x, y, width, height = person.box.tolist()
        states = np.where(person.visibility[columns] == VISIBLE, 1, 2)
        triples = np.column_stack([person.keypoints[columns], states]).ravel().tolist()
        boxes, joints = {"human1": [x, y, x + width, y + height]}, {"human1": triples}
        entries.append(
            {"image_id": f"{index:040x}", "human_annotations": boxes, "keypoint_annotations": joints, "url": ""}
        )
    _write_json(part / "keypoint_train_annotations_20170902.json", entries)


def write_picture_archives(root: Path) -> None:
    """CIFAR-10 and ImageNet, of noise."""
    generator = np.random.default_rng(0)
    (root / "cifar-10-batches-bin").mkdir(parents=True)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        records = generator.integers(0, 256, (4, RECORD), np.uint8)
        records[:, 0] %= 10
        (root / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(records.tobytes())
    for split in SPLITS:
        for label in ("cat", "dog"):
            (root / "imagenet" / split / label).mkdir(parents=True)
            for number in range(TRAIN // 2):
                picture = generator.integers(0, 256, (48, 40, 3), np.uint8)
                cv2.imwrite(str(root / "imagenet" / split / label / f"{number}.png"), picture)


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
