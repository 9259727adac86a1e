"""What a model says of drawn pairs that it did not learn from, and how well, while it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from onediff_core.data import swap
from onediff_core.data.synthetic import scene
from onediff_core.data.synthetic.captions import side
from onediff_core.evaluation.captions.scoring import cider_d
from onediff_core.evaluation.said import sides_right, swap_right
from onediff_core.training.words.lessons import Turn
from onediff_core.training.words.places import named_places
from onediff_core.training.words.scoring import FIRST, known, share, verdict_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_core.data import Sample
    from onediff_core.training.words.scoring import Speaker


class DrawnAnswer(NamedTuple):
    """What is said of a drawn pair.

    Attributes:
        scene: that drew it.
        sample: with exact truth.
        verdict: whether anything changed: "yes" or "no", if it answers in form.
        located: of the changes, told where they are; None of unchanged pairs.
        forwards: of the pair as a whole, told of no place; likewise.
        backwards: likewise in the other order of time; None where more happened than things that came, or that went.
    """

    scene: str
    sample: Sample
    verdict: str
    located: str | None
    forwards: str | None
    backwards: str | None


def drawn_answers(speaker: Speaker, scenes: Iterable[str], side_px: int, pairs: int) -> list[DrawnAnswer]:
    """Ask about drawn pairs with seeds that are not learned from.

    Args:
        speaker: who speaks.
        scenes: names.
        side_px: of the scenes.
        pairs: of each scene.
    """
    drawn = [(name, scene(name)(FIRST + number, 0, side_px)) for name in scenes for number in range(pairs)]
    samples = [sample for _, sample in drawn]

    def asked(turns: Sequence[Turn | None], shown: Sequence[Sample]) -> list[str | None]:
        chosen = [(turn, one) for turn, one in zip(turns, shown, strict=True) if turn is not None]
        said = iter(speaker.answers([turn for turn, _ in chosen], [one for _, one in chosen]))
        return [None if turn is None else next(said) for turn in turns]

    whole = [Turn("caption", "") if sample.changed and sample.captions else None for sample in samples]
    back = [turn if _direction(sample) else None for turn, sample in zip(whole, samples, strict=True)]
    turned = [sample if turn is None else swap(sample) for turn, sample in zip(back, samples, strict=True)]
    verdicts = speaker.answers([Turn("yes_no", "")] * len(samples), samples)
    located = asked([_of_places(sample) for sample in samples], samples)
    forwards, backwards = asked(whole, samples), asked(back, turned)
    names = [name for name, _ in drawn]
    return list(map(DrawnAnswer, names, samples, verdicts, located, forwards, backwards))


def score_drawn(answers: Sequence[DrawnAnswer]) -> dict[str, float]:
    """Yes and no; sides of single changes; the swap test; CIDEr-D of changed pairs against the generator's sentences.

    Sides are said, and `told_cider_d` is of answers, where the places are told; the other answers know of none. Of
    several scenes each has the same scores of its own, too, as `drawn-SCENE/score`.

    Args:
        answers: of `drawn_answers`.
    """
    scores = _of_drawn("drawn", answers)
    names = dict.fromkeys(answer.scene for answer in answers)
    if len(names) > 1:
        for name in names:
            scores |= _of_drawn(f"drawn-{name}", [answer for answer in answers if answer.scene == name])
    return known(scores)


def _of_drawn(name: str, answers: Sequence[DrawnAnswer]) -> dict[str, float | None]:
    scores = verdict_scores(name, [answer.verdict for answer in answers], [answer.sample for answer in answers])
    scores[f"{name}/sides"] = share(
        sides_right(answer.located, side(answer.sample.regions[0].box, answer.sample.after.shape[:2]))
        for answer in answers
        if answer.located is not None and answer.sample.regions and len(named_places(answer.sample)) == 1
    )
    scores[f"{name}/swap"] = share(
        swap_right(answer.forwards, answer.backwards, _direction(answer.sample))
        for answer in answers
        if answer.forwards is not None and answer.backwards is not None
    )
    scores[f"{name}/cider_d"] = _likeness((answer.forwards, answer.sample) for answer in answers)
    scores[f"{name}/told_cider_d"] = _likeness((answer.located, answer.sample) for answer in answers)
    return scores


def _likeness(answers: Iterable[tuple[str | None, Sample]]) -> float | None:
    told = [(said, sample.captions) for said, sample in answers if said is not None]
    return cider_d([said for said, _ in told], [captions for _, captions in told])


def _of_places(sample: Sample) -> Turn | None:
    places = tuple(named_places(sample))
    return Turn("regions", "", places) if places and sample.changed and sample.captions else None


def _direction(sample: Sample) -> str:
    """Added or removed, where that is all that happened."""
    kinds = {region.kind for region in sample.regions or ()}
    return kinds.pop() if len(kinds) == 1 and kinds <= {"added", "removed"} else ""
