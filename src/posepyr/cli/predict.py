"""``posepyr predict``: the poses in pictures, as JSON and drawn."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

EXAMPLES = """examples:
  posepyr predict runs/demo/checkpoints/best.ckpt photo.jpg
  posepyr predict best.ckpt photos/ --output poses --boxes boxes.json
"""


def run(arguments: list[str]) -> int:
    """Predict, draw, write."""
    options = _parser().parse_args(arguments)
    # After parsing: --help and a wrong flag must not wait for Torch.
    from posepyr import draw
    from posepyr.data.formats.pictures import read_picture
    from posepyr.files import write_text
    from posepyr.inference.estimator import Estimator

    pictures = find_pictures(options.pictures)
    boxes = read_boxes(options.boxes, pictures) if options.boxes else {}
    packages = ("posepyr", *options.trust)
    estimator = Estimator.from_checkpoint(options.checkpoint, options.device, not options.no_flip, packages)
    people: dict[str, Any] = {}
    for path in pictures:
        pixels = read_picture(path, upright=True)
        poses = estimator.predict(pixels, boxes.get(str(path)))
        people[str(path)] = poses.to_dict(estimator.skeleton.joints)
        for keypoints, scores in zip(poses.keypoints, poses.scores, strict=True):
            pixels = draw.draw_pose(pixels, keypoints, estimator.skeleton, scores >= options.threshold)
        draw.save(pixels, options.output / f"{path.stem}_pose.png")
    write_text(options.output / "poses.json", json.dumps(people, indent=2) + "\n")
    sys.stdout.write(f"{len(people)} pictures, {sum(map(len, people.values()))} people: {options.output}/poses.json\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr predict",
        description="Find the joints of people in pictures. Without boxes a picture is one person's box.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help="a checkpoint that posepyr wrote")
    parser.add_argument("pictures", type=Path, nargs="+", help="pictures, or folders of pictures")
    parser.add_argument("--boxes", type=Path, help="JSON: {picture: [[x, y, width, height], ...]}")
    parser.add_argument("--output", type=Path, default=Path("poses"), help="folder for poses.json and the pictures")
    parser.add_argument("--threshold", type=float, default=0.2, help="draw joints whose score is at least this")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--trust", action="append", default=[], metavar="PACKAGE", help="a package of yours that the network is from"
    )
    parser.add_argument("--no-flip", action="store_true", help="look at each crop once, not also in the mirror")
    return parser


def find_pictures(places: list[Path]) -> list[Path]:
    """The pictures named, folders opened; in order, each once."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
            if not inside:
                raise ValueError(f"{place} must hold pictures ({', '.join(sorted(SUFFIXES))}), found none")
            found += inside
        elif place.is_file():
            found.append(place)
        else:
            raise ValueError(f"there must be a picture at {place}, found nothing")
    return list(dict.fromkeys(found))


def read_boxes(path: Path, pictures: list[Path]) -> dict[str, list[list[float]]]:
    """Boxes by picture; pictures may be named by path or by file name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} must be a JSON file of boxes: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold {{picture: [[x, y, width, height], ...]}}, got a {type(content).__name__}")
    found = {str(picture): content.get(str(picture), content.get(picture.name)) for picture in pictures}
    missing = [picture for picture, boxes in found.items() if boxes is None]
    if missing:
        raise ValueError(f"{path} must hold boxes for every picture; none for {', '.join(missing[:5])}")
    return {picture: boxes for picture, boxes in found.items() if boxes is not None}
