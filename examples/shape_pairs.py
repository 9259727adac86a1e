"""64 pairs that no single image gives away: coloured shapes that come, go, move and change their colour.

There are four scenes, and of each four states: as it is, without one shape, with another one moved, with a third one in
another colour. Each state is pictured twice, as a before and as an after, in a light of its own. Every before goes with
every after of its scene, which makes sixteen pairs a scene. So a quarter of all pairs is unchanged but for the light,
and whoever sees one image alone is left with four captions to choose from.

    python examples/shape_pairs.py FOLDER

writes them as PNG with a list, `pairs.jsonl`, that `onediff batch` takes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np

from onediff_core.data import Sample, SampleRegion
from onediff_core.data.folder import PAIRS, write_images
from onediff_plugins.exporters import write_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 96
CELL = SIDE // 3
RADIUS = 12
COLOURS = {
    "red": (200, 40, 40),
    "green": (40, 150, 60),
    "blue": (50, 70, 200),
    "yellow": (225, 200, 50),
    "purple": (130, 50, 150),
    "white": (235, 235, 235),
}
# Corners in radii around the centre; a circle has none.
SHAPES = {
    "circle": (),
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "triangle": ((0, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
}
PLACES = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")


@dataclass(frozen=True)
class Thing:
    """A shape in one of nine places."""

    colour: str
    shape: str
    place: str

    def __str__(self) -> str:
        """Without its place: `red circle`."""
        return f"{self.colour} {self.shape}"

    @property
    def centre(self) -> tuple[int, int]:
        """x, y of a pixel."""
        row, column = divmod(PLACES.index(self.place), 3)
        return column * CELL + CELL // 2, row * CELL + CELL // 2

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 in pixels, x1 and y1 exclusive."""
        x, y = self.centre
        return x - RADIUS, y - RADIUS, x + RADIUS + 1, y + RADIUS + 1

    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool."""
        mask = np.zeros((SIDE, SIDE), np.uint8)
        if corners := SHAPES[self.shape]:
            cv2.fillConvexPoly(mask, np.array(corners) * RADIUS + self.centre, 1)
        else:
            cv2.circle(mask, self.centre, RADIUS, 1, cv2.FILLED)
        return mask.astype(bool)


State = dict[str, Thing]  # by who it is, which stays when a thing moves or changes its colour


def shape_pairs(seed: int = 0, *, scenes: int = 4) -> list[Sample]:
    """Sixteen pairs a scene.

    Args:
        seed: the same seed makes the same pairs.
        scenes: how many.
    """
    rng = np.random.default_rng(seed)
    return [sample for scene in range(scenes) for sample in _pairs_of_a_scene(rng, f"scene{scene}")]


def _pairs_of_a_scene(rng: np.random.Generator, group: str) -> list[Sample]:
    states, ground = _states(rng), _ground(rng)
    befores, afters = ([_picture(rng, ground, state) for state in states] for _ in range(2))
    return [
        _sample(befores[i], afters[j], states[i], states[j], group=group, id=f"{group}-{i}{j}")
        for i in range(len(states))
        for j in range(len(states))
    ]


def _states(rng: np.random.Generator) -> list[State]:
    kinds = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    places = [PLACES[index] for index in rng.permutation(len(PLACES))]
    picked = [kinds[index] for index in rng.choice(len(kinds), 5, replace=False)]
    base = {f"thing{i}": Thing(colour, shape, places[i]) for i, (colour, shape) in enumerate(picked)}
    comes, moves, turns, *_ = base
    taken = {colour for colour, _ in picked}
    colour = str(rng.choice([colour for colour in COLOURS if colour not in taken]))
    return [
        base,
        {name: thing for name, thing in base.items() if name != comes},
        {**base, moves: replace(base[moves], place=places[len(base)])},
        {**base, turns: replace(base[turns], colour=colour)},
    ]


def _ground(rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W, 3): patches of earth colours under a fine grain."""
    coarse = rng.normal(110, 18, (7, 7, 3)).astype(np.float32)
    grain = rng.normal(0, 6, (SIDE, SIDE, 1)).astype(np.float32)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) + grain


def _picture(rng: np.random.Generator, ground: NDArray[np.float32], state: State) -> NDArray[np.uint8]:
    """(H, W, 3) RGB in a light and with a noise of its own."""
    picture = ground.copy()
    for thing in state.values():
        picture[thing.mask()] = COLOURS[thing.colour]
    lit = picture * rng.uniform(0.9, 1.1, 3) + rng.uniform(-10, 10) + rng.normal(0, 3, picture.shape)
    return lit.clip(0, 255).astype(np.uint8)


def _sample(
    before: NDArray[np.uint8], after: NDArray[np.uint8], was: State, now: State, *, group: str, id: str
) -> Sample:
    names = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    regions = tuple(_region(was.get(name), now.get(name)) for name in names)
    mask = np.zeros((SIDE, SIDE), bool)
    for things in (was, now):
        for name in names:
            if name in things:
                mask |= things[name].mask()
    return Sample(
        before=before,
        after=after,
        masks={"object": mask},
        regions=regions,
        captions=(" ".join(region.caption for region in regions) or "nothing changed.",),
        changed=bool(regions),
        source="shape-pairs",
        licence="Apache-2.0",
        group=group,
        id=id,
    )


def _region(was: Thing | None, now: Thing | None) -> SampleRegion:
    """One change; at least one of the two is there."""
    shown = now or was
    assert shown is not None
    if was is None:
        kind, caption = "added", f"a {shown} was added at the {shown.place}."
    elif now is None:
        kind, caption = "removed", f"the {was} was removed from the {was.place}."
    elif was.place != now.place:
        kind, caption = "moved", f"the {was} moved from the {was.place} to the {now.place}."
    else:
        kind, caption = "changed", f"the {was} at the {was.place} turned {now.colour}."
    return SampleRegion(kind=kind, label=shown.shape, box=shown.box, caption=caption)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=0, show_default=True)
def main(folder: Path, seed: int) -> None:
    """Write the pairs into a folder."""
    lines = [json.dumps(write_images(folder, sample)) + "\n" for sample in shape_pairs(seed)]
    write_file(folder / PAIRS, "".join(lines).encode())
    click.echo(folder / PAIRS)


if __name__ == "__main__":
    main()
