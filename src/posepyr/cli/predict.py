"""``posepyr predict``: the poses in pictures, as JSON and drawn."""

import json
import sys
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.cli import options

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

EXAMPLES = """examples:
  posepyr predict runs/demo/checkpoints/best.ckpt photo.jpg
  posepyr predict best.ckpt photos/ --output poses --boxes boxes.json
"""


def run(arguments: list[str]) -> int:
    """Predict the poses in pictures, draw them and write them."""
    chosen = _parser().read(arguments)
    # After parsing: --help and a wrong flag must not wait for Torch.
    from posepyr import draw
    from posepyr.data.formats.pictures import read_picture
    from posepyr.files import write_json
    from posepyr.inference.estimator import Estimator
    from posepyr.measurement.machine import choose_device

    pictures = find_pictures(chosen.pictures)
    boxes = read_boxes(chosen.boxes, pictures) if chosen.boxes else {}
    estimator = Estimator.from_checkpoint(
        chosen.checkpoint, device=choose_device(chosen.device), flip=not chosen.no_flip, trust=chosen.trust
    )
    people: dict[str, Any] = {}
    for path in pictures:
        pixels = read_picture(path, upright=True)
        poses = estimator.predict(pixels, boxes.get(str(path)))
        people[str(path)] = poses.to_dict(estimator.skeleton.joints)
        for keypoints, scores in zip(poses.keypoints, poses.scores, strict=True):
            pixels = draw.draw_pose(pixels, keypoints, estimator.skeleton, scores >= chosen.threshold)
        draw.save(pixels, chosen.output / f"{path.stem}_pose.png")
    write_json(chosen.output / "poses.json", people)
    sys.stdout.write(f"{len(people)} pictures, {sum(map(len, people.values()))} people: {chosen.output}/poses.json\n")
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = options.Parser(
        "posepyr predict",
        "Find the joints of people in pictures. Without boxes a picture is one person's box.",
        EXAMPLES,
    )
    parser.add_argument("checkpoint", type=Path, help="a checkpoint that posepyr wrote")
    parser.add_argument("pictures", type=Path, nargs="+", help="pictures, or folders of pictures")
    parser.add_argument("--boxes", type=Path, help="JSON: {picture: [[x, y, width, height], ...]}")
    options.add_output(parser, "folder for poses.json and the drawn pictures (poses)", default=Path("poses"))
    parser.add_argument("--threshold", type=float, default=0.2, help="draw joints with at least this score (0.2)")
    options.add_device(parser, choices=None)
    parser.add_argument(
        "--trust", action="append", default=[], metavar="PACKAGE", help="a package of yours with the network's classes"
    )
    parser.add_argument("--no-flip", action="store_true", help="predict each crop once, not mirrored as well")
    return parser


def find_pictures(paths: list[Path]) -> list[Path]:
    """Return the named pictures and those in the named folders; in order, each once."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
            if not inside:
                raise ValueError(f"{path} must hold pictures ({', '.join(sorted(SUFFIXES))}), found none")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise ValueError(f"{path} must be a picture or a folder of pictures, got nothing there")
    return list(dict.fromkeys(found))


def read_boxes(file: Path, pictures: list[Path]) -> dict[str, list[list[float]]]:
    """Return boxes by picture; in the file a picture goes by its path or by its file name."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} must be a JSON file of boxes: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} must hold {{picture: [[x, y, width, height], ...]}}, got a {type(content).__name__}")
    found = {str(picture): content.get(str(picture), content.get(picture.name)) for picture in pictures}
    missing = [picture for picture, boxes in found.items() if boxes is None]
    if missing:
        raise ValueError(f"{file} must hold boxes for every picture; none for {', '.join(missing[:5])}")
    return {picture: boxes for picture, boxes in found.items() if boxes is not None}
