"""The contact sheet: for each method the pairs that it did worst and best on, to be looked at."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import cv2
import jinja2
import numpy as np
from PIL import Image

from onediff_core.evaluation.placing import mask_of
from onediff_plugins import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from onediff_core.evaluation.answers import Answer
    from onediff_core.evaluation.references import Reference
    from onediff_core.evaluation.report import Result
    from onediff_core.evaluation.study import Study

CARDS: Final = 9  # of the worst, and of the best
# The first of them that a method has ranks its pairs; ties keep the order of the references.
RANKS: Final = (
    ("masks", "iou", "mask IoU"),
    ("coco-changed", "cider_d", "CIDEr-D, changed pairs alone"),
    ("coco", "cider_d", "CIDEr-D"),
    ("levir-ids", "cider_d", "CIDEr-D of levir-ids"),
    ("verdict", "verdict_right", "verdict"),
)
_SIDE: Final = 320
_LARGEST: Final = 2.5  # of a page that is higher than wide
_TRUE, _FOUND, _HALO = (0, 225, 160), (255, 128, 0), (0, 0, 0)  # outlines that the colour-blind tell apart, too
_QUALITY: Final = 82
_SAID: Final = 3  # captions that people wrote
_SHOWN: Final = {
    "masks": ("iou",),
    "regions": ("matched", "true", "found"),
    "coco": ("cider_d",),
    "calibration": ("score",),
}


def sheet(study: Study, results: Sequence[Result], title: str, cards: int = CARDS) -> str:
    """A page that needs nothing but itself.

    Args:
        study: what was scored.
        results: of `report.evaluate`.
        title: of the page.
        cards: of the worst pairs of each method, and of the best.

    Returns:
        HTML.
    """
    methods = [_method(study, results, name, cards) for name in study.answers]
    page = _environment().get_template("sheet.html")
    style = _environment().loader.get_source(_environment(), "sheet.css")[0]  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return page.render(title=title, methods=methods, style=style, policy=policy, version=__version__)


def _method(study: Study, results: Sequence[Result], name: str, cards: int) -> dict[str, Any]:
    by_protocol = {result.protocol.name: result.scores[name] for result in results if name in result.scores}
    protocol, column, words = next((rank for rank in RANKS if rank[0] in by_protocol), ("", "", ""))
    if not words:
        return {"name": name, "rank": "", "worst": [], "best": []}
    scores = by_protocol[protocol]
    values = dict(zip(scores.pairs, map(float, scores.columns[column]), strict=True))
    order = sorted(values, key=lambda number: values[number])
    # Two empty masks agree, which is nothing to look at.
    worth = [number for number in order if not _is_blank(study, name, number)] or order
    worst = worth[: min(cards, (len(worth) + 1) // 2)]
    best = [number for number in reversed(worth) if values[number] > values[worst[-1]]][:cards]
    facts = _facts(by_protocol)
    return {
        "name": name,
        "rank": words,
        "worst": [_card(study, name, number, facts) for number in worst],
        "best": [_card(study, name, number, facts) for number in best],
    }


def _is_blank(study: Study, name: str, number: int) -> bool:
    return not study.changed[number] and not study.verdicts(name)[number]


def _facts(by_protocol: Mapping[str, Any]) -> dict[int, list[str]]:
    """What the protocols say of each pair, in words."""
    shown = {
        "masks": ("iou",),
        "regions": ("matched", "true", "found"),
        "coco": ("cider_d",),
        "calibration": ("score",),
    }
    facts: dict[int, list[str]] = {}
    for protocol, columns in shown.items():
        if protocol not in by_protocol:
            continue
        scores = by_protocol[protocol]
        for at, number in enumerate(scores.pairs):
            values = [scores.columns[column][at] for column in columns]
            if protocol == "regions":
                facts.setdefault(number, []).append(f"{values[0]} of {values[1]} regions, {values[2]} found")
            else:
                word = {"iou": "mask IoU", "cider_d": "CIDEr-D", "score": "score"}[columns[0]]
                facts.setdefault(number, []).append(f"{word} {values[0]:.{1 if protocol == 'coco' else 2}f}")
    return facts


def _card(study: Study, name: str, number: int, facts: Mapping[int, list[str]]) -> dict[str, Any]:
    pair, answer = study.pairs[number], study.answers[name][number]
    truth, said = study.changed[number], study.verdicts(name)[number]
    verdict = {True: "changed", False: "unchanged", None: "undecided"}
    return {
        "id": pair.id,
        "picture": _picture(study, name, pair, answer),
        "said": answer.caption or ("" if answer.caption is None else "(nothing)"),
        "references": pair.captions[:_SAID],
        "verdict": f"{verdict[said]}, is {verdict[truth]}" if truth is not None else verdict[said],
        "right": None if truth is None else said is truth,
        "failed": answer.failed,
        "facts": facts.get(number, []),
    }


def _picture(study: Study, name: str, pair: Reference, answer: Answer) -> str:
    """Before and after beside each other, what is true and what was found outlined in the latter; as a data URL."""
    sample = study.references.sample(pair)
    truth = study.references.truth(pair)
    height, width = sample.after.shape[:2]
    shown = min(height, round(width * _LARGEST))
    scale = _SIDE / width
    size = (_SIDE, max(1, round(shown * scale)))
    before, after = (_reduced(image[:shown], size) for image in (sample.before, sample.after))
    if truth.mask is not None:
        _outline(after, truth.mask[:shown], size, _TRUE)
    elif truth.boxes:
        _boxes(after, [(box.x0, box.y0, box.x1, box.y1) for box in truth.boxes], scale, _TRUE)
    found = mask_of(answer, (height, width), name)
    if found is not None:
        _outline(after, found[:shown], size, _FOUND)
    elif answer.regions:
        first = [region.boxes[0] for region in answer.regions if region.boxes]
        _boxes(after, [(box.x0, box.y0, box.x1, box.y1) for box in first], scale, _FOUND)
    gap = np.full((size[1], 4, 3), 255, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.hstack([before, gap, after])).save(stream, "WEBP", quality=_QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _reduced(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    way = cv2.INTER_AREA if image.shape[1] >= size[0] else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=way), np.uint8)


def _outline(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], size: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    smaller = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) >= 128
    edges, _ = cv2.findContours(smaller.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, edges, -1, _HALO, 4)
    cv2.drawContours(picture, edges, -1, colour, 2)


def _boxes(
    picture: NDArray[np.uint8],
    boxes: Sequence[tuple[float, float, float, float]],
    scale: float,
    colour: tuple[int, int, int],
) -> None:
    for box in boxes:
        x0, y0, x1, y1 = (round(edge * scale) for edge in box)
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), _HALO, 4)
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, 2)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("onediff_core.evaluation", "sheet_page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
