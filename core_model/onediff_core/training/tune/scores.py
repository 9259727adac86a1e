"""What a tuned OneDiff says of pairs that it did not learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_core.training.words.drawn import drawn_answers, score_drawn
from onediff_core.training.words.scoring import (
    Speaker,
    real_answers,
    score_coupled,
    score_real,
    told_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.training.tune.sources import Made, Told

    Report = dict[str, Any]


def report(
    model: OneDiffForConditionalGeneration, processor: OneDiffProcessor, made: Sequence[Made], *, side: int, most: int
) -> Report:
    """Scores as `set/score`, and every answer as `set/pairs`.

    Args:
        model: in `eval` mode.
        processor: its own.
        made: the sources of a stage.
        side: of coupled pictures in pixels.
        most: examples of each source at most; of what is reported all.
    """
    speaker, said = Speaker(model, processor), dict[str, Any]()
    if not most:
        return said
    if any(one.coupled for one in made):
        said |= score_coupled(speaker, side, most)
    for drawn in [one.drawn for one in made if one.drawn is not None]:
        said |= score_drawn(drawn_answers(speaker, drawn.scenes, drawn.side, most))
    for one in made:
        for told, limit in ((one.scored, most), (one.reported, None)):
            if told is not None:
                said |= _of_pairs(speaker, told, limit)
    return said


def figures(said: Report) -> dict[str, float]:
    """The scores alone."""
    return {name: value for name, value in said.items() if isinstance(value, float)}


def answers(said: Report) -> dict[str, list[Report]]:
    """Set -> what was said of each of its pairs, as captions of any method are handed over: id, caption, changed."""
    verdicts = {"yes": True, "no": False}
    return {
        name.removesuffix("/pairs"): [
            {"id": pair["id"], "caption": pair["said"], "changed": verdicts.get(pair["verdict"])} for pair in told
        ]
        for name, told in said.items()
        if name.endswith("/pairs")
    }


def lines(said: Iterable[tuple[str, float]]) -> str:
    """Scores for people, one a line."""
    return "\n".join(f"  {name:<28} {value:.4f}" for name, value in said)


def _of_pairs(speaker: Speaker, told: Told, limit: int | None) -> Report:
    answers = real_answers(speaker, told.samples[:limit], told.places[:limit])
    return {**score_real(told.name, answers), f"{told.name}/pairs": told_pairs(answers)}
