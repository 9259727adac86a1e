"""Pairs made of the sets that are sequences of frames, and the frames that came before a scored one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import cv2

from evaluation.images import write_image
from evaluation.sets import DATA, Pair, read_rows

if TYPE_CHECKING:
    from pathlib import Path

# The frames of bgslibrary_traffic in which a viewer saw an empty road (video.avi), compared with the first, empty
# one; in the other clips people or traffic move in every frame, so all are changes against the first.
EMPTY_ROAD = (*range(5, 60, 5), 270, 275, 280, 365, 369, 373)
BUSY_CLIPS = ("escalator.avi", "shop.avi", "video02.avi")
BUSY_PAIRS = 15


def read_set(name: str, scratch: Path, data: Path = DATA) -> list[Pair]:
    """The pairs of any set.

    Args:
        name: name of the set.
        scratch: folder for frames taken out of clips.
        data: folder of the sets.
    """
    readers = {
        "modis": consecutive_dates,
        "wallflower_wavingtrees": waving_trees,
        "pets2001_ds3_cam1": passing_clouds,
    }
    if name in readers:
        return readers[name](data / name)
    if name == "bgslibrary_traffic":
        return traffic_clips(data / name, scratch)
    return read_rows(name, data)


def consecutive_dates(folder: Path) -> list[Pair]:
    """Each date with the next."""
    files = sorted(folder.glob("*.jp2"))
    return [
        Pair(id=b.stem.rpartition("_")[2], set=folder.name, before=a, after=b) for a, b in itertools.pairwise(files)
    ]


def waving_trees(folder: Path) -> list[Pair]:
    """Frames 12 apart in which only trees move, and the one frame with a person, against the last training frame."""
    still = [
        Pair(id=f"still_{k:05d}", set=folder.name, before=_wave(folder, k - 12), after=_wave(folder, k),
             frame=k, still=True)
        for k in range(12, 241, 12)
    ]  # fmt: skip
    row = {"mask": "mask_b00247.png"}
    person = Pair(id="person_00247", set=folder.name, before=_wave(folder, 199), after=_wave(folder, 247),
                  row=row, folder=folder, frame=247)  # fmt: skip
    return [*still, person]


def _wave(folder: Path, number: int) -> Path:
    return folder / "input" / f"b{number:05d}.jpg"


def passing_clouds(folder: Path) -> list[Pair]:
    """Frames 200 apart, across sun and cloud; people walk through, nothing is annotated."""
    numbers = range(0, 1601, 100)
    name = "input/in{:06d}.jpg"
    return [
        Pair(id=f"{k:06d}", set=folder.name, before=folder / name.format(k), after=folder / name.format(k + 200))
        for k in numbers
    ]


def traffic_clips(folder: Path, scratch: Path) -> list[Pair]:
    """The first frame of each clip with later ones, labelled by a viewer."""
    pairs = []
    for clip in ("video.avi", *BUSY_CLIPS):
        frames = _clip_frames(folder / clip)
        empty = clip not in BUSY_CLIPS
        step = (len(frames) - 1) / BUSY_PAIRS
        numbers = EMPTY_ROAD if empty else [round(step * k) for k in range(1, BUSY_PAIRS + 1)]
        before = write_image(scratch / f"{clip}_0.png", frames[0])
        pairs += [
            Pair(id=f"{clip}_{k}", set=folder.name, before=before,
                 after=write_image(scratch / f"{clip}_{k}.png", frames[k]),
                 still=empty, row={} if empty else {"changed": True})
            for k in numbers
        ]  # fmt: skip
    return pairs


def _clip_frames(path: Path) -> list:
    clip = cv2.VideoCapture(str(path))
    frames = []
    while True:
        more, frame = clip.read()
        if not more:
            break
        frames.append(frame)
    if not frames:
        raise SystemExit(
            f"{path} holds no frame that OpenCV can decode: put it back as its set has it, or leave the set out"
        )
    return frames


def history(name: str, data: Path = DATA) -> dict[int, Path]:
    """The frames of a set by their number, for models that learn a background; empty for a set without.

    Of cdnet_highway there are frames 1 to 600 and, from 472 on, every fourth or so: the scored ones.
    """
    folder = data / name
    if name == "cdnet_highway":
        files = [*folder.glob("after/in*.jpg"), *folder.glob("input/in*.jpg")]
        return {int(path.stem.removeprefix("in")): path for path in files}
    if name == "wallflower_wavingtrees":
        return {int(path.stem.removeprefix("b")): path for path in folder.glob("input/b*.jpg")}
    return {}
