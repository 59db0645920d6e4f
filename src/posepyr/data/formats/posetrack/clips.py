"""The annotation files of videos, read one after the other: whatever their layout, and with everybody in them."""

from pathlib import Path

from posepyr.data.formats import coco_file
from posepyr.data.formats.posetrack.annolist import read_annolist
from posepyr.data.formats.posetrack.clip import Clip
from posepyr.data.formats.posetrack.coco_style import BoxRule, read_coco_style


def read_clips(place: Path, box: BoxRule = "stated") -> list[Clip]:
    """The videos of a folder with a file for each, by the files' names, or of a single file that holds them all."""
    several = place.suffix == ".json"
    files = [place] if several else sorted(place.glob("*.json"))
    if not files:
        raise ValueError(f"{place} must hold annotation files that end in .json, got none")
    clips: list[Clip] = []
    for file in files:
        content = coco_file.load(file)
        if "annolist" in content:
            clips.append(read_annolist(content, file, sum(len(clip.frames) for clip in clips)))
        else:
            clips.append(read_coco_style(content, file, box, several))
    return clips
