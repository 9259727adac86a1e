"""CLEVR-Change (Park et al., ICCV 2019): drawn solids, each scene with a changed and an unchanged second view.

A scene is two records: `ID` with a change, and `ID_n`, a distractor with another camera and light alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import SPLITS, Record
from onediff_core.data.sample import SampleRegion
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from onediff_core.data.summary import Summary

KINDS: Final = {"add": "added", "drop": "removed", "move": "moved", "color": "changed", "material": "changed"}
_PREFIX: Final = "CLEVR_default_"


def _recognises(parsed: Any) -> bool:
    return isinstance(parsed, dict) and bool(parsed) and str(next(iter(parsed))).startswith(_PREFIX)


def number_of(name: str) -> int:
    """The number of a scene, of a name such as CLEVR_default_000012.png or 12.png.

    Raises:
        SourceError: there is none in it.
    """
    digits = name.rpartition("/")[2].partition(".")[0].rpartition("_")[2]
    if not digits.isdigit():
        raise base.SourceError(f"{name!r} names no scene: its last part is a number")
    return int(digits)


def splits_of(path: Path) -> dict[int, str]:
    """Number of a scene -> its split, of a file of three lists.

    Raises:
        SourceError: it is no such file, or a scene is in two of them.
    """
    parsed = base.read_json(path)
    if not isinstance(parsed, dict) or not parsed or not all(name in SPLITS for name in parsed):
        raise base.SourceError(f"{path} is no file of splits, an object with the lists train, val and test")
    found: dict[int, str] = {}
    for name, numbers in parsed.items():
        for number in map(int, numbers):
            if found.setdefault(number, SPLITS[name]) != SPLITS[name]:
                raise base.SourceError(f"{path}: scene {number} is in {found[number]} and in {SPLITS[name]}")
    return found


def types_of(path: Path) -> dict[int, str]:
    """Number of a scene -> type of its change, of `type_mapping.json`; empty where there is none."""
    if not path.is_file():
        return {}
    return {number_of(str(name)): kind for kind, names in base.read_json(path).items() for name in names}


def _read(root: Path, given: tuple[Path, ...], settings: base.SourceSettings, summary: Summary) -> Iterator[Record]:
    changed = base.annotations_of(SOURCE, given[0] if given else root / "change_captions.json")
    unchanged = base.annotations_of(SOURCE, given[1] if len(given) > 1 else root / "no_change_captions.json")
    splits, types = splits_of(root / "splits.json"), types_of(root / "type_mapping.json")
    boxes = _boxes(root / "change_captions_with_bbox.json")
    for name in changed:
        number = number_of(name)
        if number not in splits:
            summary.note("scenes of no split left out")
            continue
        shared: dict[str, Any] = {
            "before": root / "images" / name,
            "domain": "solids",
            "source": SOURCE.name,
            "licence": SOURCE.licence,
            "split": splits[number],
            "group": f"{number:06d}",
        }
        kind = types.get(number, "")
        yield Record(
            id=f"{number:06d}",
            after=root / "sc_images" / f"CLEVR_semantic_{number:06d}.png",
            captions=(told := base.written(changed[name], summary)),
            regions=_regions(boxes.get(number), kind),
            changed=True,
            task="caption" if told else "",
            meta={"type": kind} if kind else {},
            **shared,
        )
        yield Record(
            id=f"{number:06d}_n",
            after=root / "nsc_images" / f"CLEVR_nonsemantic_{number:06d}.png",
            captions=(told := base.written(unchanged.get(name, ()), summary)),
            regions=(),
            changed=False,
            task="caption" if told else "",
            **shared,
        )


def _boxes(path: Path) -> dict[int, Mapping[str, Any]]:
    if not path.is_file():
        return {}
    return {number_of(str(name)): boxes for name, boxes in base.read_json(path).items()}


def _regions(boxes: Mapping[str, Any] | None, kind: str) -> tuple[SampleRegion, ...] | None:
    """One change; of what went, the place in the before view, from which the after view differs by a camera jitter."""
    before, after = ((boxes or {}).get(f"bbox_{side}") for side in ("before", "after"))
    place = after or before
    if not place:
        return None
    return (
        SampleRegion(
            kind=KINDS.get(kind, "changed"),
            label="",
            box=base.box_of(place),
            attributes={"box_before": base.box_of(before)} if before and after else {},
        ),
    )


SOURCE: Final = base.Source(
    name="clevr-change",
    title="CLEVR-Change",
    reads="change_captions.json, no_change_captions.json, splits.json, type_mapping.json and "
    "change_captions_with_bbox.json where they are; images/, sc_images/, nsc_images/",
    licence="not stated",
    read=_read,
    annotations="an object of names such as CLEVR_default_000000.png and their sentences",
    recognises=_recognises,
)
