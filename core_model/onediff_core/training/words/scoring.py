"""How well a model speaks, while it learns to: of facts, of coupled pictures, of drawn and of real pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch

from onediff_core.evaluation.captions.scoring import cider_d
from onediff_core.evaluation.counting import ratio
from onediff_core.evaluation.said import sides_right
from onediff_core.parsing import parse
from onediff_core.training.words.batches import prompt_of
from onediff_core.training.words.lessons import Turn
from onediff_core.training.words.places import places_of_facts
from onediff_core.training.words.sources import CoupledPictures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onediff_core.data import Sample
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.prompts import Place

_BATCH: Final = 32
_MOST_NEW_TOKENS: Final = 40
FIRST: Final = 2**31  # seeds of training are below it
_TEXTS: Final = 64  # held-out sentences that are written again


@dataclass(frozen=True, eq=False)
class Speaker:
    """A model in `eval` mode with its processor, asked greedily, which is faster than what the describer does.

    Attributes:
        model: a OneDiffForConditionalGeneration.
        processor: its own.
    """

    model: Any
    processor: OneDiffProcessor

    @torch.inference_mode()
    def answers(self, turns: Sequence[Turn], pairs: Sequence[Sample] | None) -> list[str]:
        """What it says.

        Args:
            turns: their questions are asked.
            pairs: one for each, whose images are shown; None for text alone.
        """
        said: list[str] = []
        for start in range(0, len(turns), _BATCH):
            prompts = [prompt_of(self.processor, turn) for turn in turns[start : start + _BATCH]]
            if pairs is None:
                made = self.processor.tokenised(prompts, None)
                inputs: Mapping[str, Any] = {name: torch.from_numpy(value) for name, value in made.items()}
            else:
                images = [(sample.before, sample.after) for sample in pairs[start : start + _BATCH]]
                inputs = self.processor(images, prompts)
            placed = {name: value.to(self.model.device) for name, value in inputs.items()}
            ids = self.model.generate(
                **placed, max_new_tokens=_MOST_NEW_TOKENS, do_sample=False, num_beams=1, allow_untrained=True
            )
            said += self.processor.answers(ids.cpu(), inputs["input_ids"])
        return said


def score_texts(speaker: Speaker, held_out: Sequence[Sequence[str]]) -> dict[str, float]:
    """CIDEr-D and sides of sentences that are written from the facts of one of five, against all five.

    Args:
        speaker: who writes.
        held_out: sentences of LEVIR-CC, five a pair, that were not learned from.
    """
    rng = np.random.default_rng(0)
    told = [texts for texts in held_out if parse(texts[0])][:_TEXTS]
    facts = [parse(texts[0]) for texts in told]
    turns = [Turn("regions", "", tuple(places_of_facts(some, rng))) for some in facts]
    said = speaker.answers(turns, None)
    sided = [(text, some[0].side) for text, some in zip(said, facts, strict=True) if some[0].side]
    return known({"texts/cider_d": cider_d(said, told), "texts/sides": share(sides_right(*both) for both in sided)})


def score_coupled(speaker: Speaker, side_px: int, pairs: int) -> dict[str, float]:
    """Of two pictures that have nothing to do with each other: which words are said of the right one, and of the other.

    Args:
        speaker: who speaks.
        side_px: of the pictures.
        pairs: how many.
    """
    source = CoupledPictures(side_px)
    lessons = [source.draw(np.random.default_rng((FIRST, number))) for number in range(pairs)]
    turns = [lesson.turns[0] for lesson in lessons]
    said = _of_images(speaker, turns, [lesson.images for lesson in lessons])
    right, wrong, found = [], [], []
    for text, turn in zip(said, turns, strict=True):
        truth, answer = _halves(turn.answer), _halves(text)
        for date, other in ((0, 1), (1, 0)):
            right += [word in answer[date] for word in truth[date]]
            wrong += [word in answer[date] for word in truth[other] - truth[date]]
            found.append(bool(answer[date]))
    return known(
        {"coupled/words": share(right), "coupled/of_other_date": share(wrong), "coupled/in_form": share(found)}
    )


class RealAnswer(NamedTuple):
    """What is said of a real pair.

    Attributes:
        sample: with captions; `changed` is what they say.
        places: that heads found, the strongest first, as the model was told of them.
        verdict: whether anything changed, asked without a place: "yes" or "no", if it answers in form.
        said: about the places, or without any of the pair as a whole.
    """

    sample: Sample
    places: tuple[Place, ...]
    verdict: str
    said: str


def real_answers(speaker: Speaker, samples: Sequence[Sample], places: Sequence[Sequence[Place]]) -> list[RealAnswer]:
    """Ask about real pairs, changed or not.

    Args:
        speaker: who speaks.
        samples: with captions.
        places: of each.
    """
    found = [tuple(some) for some in places]
    verdicts = speaker.answers([Turn("yes_no", "")] * len(samples), samples)
    said = speaker.answers([Turn("regions" if some else "caption", "", some) for some in found], samples)
    return list(map(RealAnswer, samples, found, verdicts, said))


def score_real(name: str, answers: Sequence[RealAnswer]) -> dict[str, float]:
    """Of real pairs: yes and no, whether finding a place agrees with what people say, and CIDEr-D of changed pairs.

    Args:
        name: of the set, in the scores.
        answers: of `real_answers`.
    """
    scores = verdict_scores(name, [answer.verdict for answer in answers], [answer.sample for answer in answers])
    scores[f"{name}/agreement"] = share(bool(answer.places) == answer.sample.changed for answer in answers)
    changed = [answer for answer in answers if answer.sample.changed]
    scores[f"{name}/cider_d"] = cider_d(
        [answer.said for answer in changed], [answer.sample.captions for answer in changed]
    )
    return known(scores)


def told_pairs(answers: Sequence[RealAnswer]) -> list[dict[str, Any]]:
    """All that is needed to score answers elsewhere and in other ways, as JSON has it.

    Args:
        answers: of `real_answers`.

    Returns:
        One a pair: id, group, changed, references (what people said), places (box in shares of the image, kind, label),
        verdict and said.
    """
    return [
        {
            "id": sample.id,
            "group": sample.group,
            "changed": sample.changed,
            "references": list(sample.captions),
            "places": [place._asdict() for place in places],
            "verdict": verdict,
            "said": said,
        }
        for sample, places, verdict, said in answers
    ]


def _of_images(speaker: Speaker, turns: Sequence[Turn], images: Sequence[Any]) -> list[str]:
    from onediff_core.data import Sample

    return speaker.answers(turns, [Sample(before=before, after=after) for before, after in images])


def verdict_scores(name: str, said: Sequence[str], samples: Sequence[Sample]) -> dict[str, float | None]:
    """Exact answers, of all pairs, and of unchanged and changed ones apart.

    Args:
        name: of the set, in the scores.
        said: "yes" or "no" of each.
        samples: of which it is known whether they changed.
    """
    right = [(text == ("yes" if sample.changed else "no"), sample) for text, sample in zip(said, samples, strict=True)]
    return {
        f"{name}/yes_no": share(fits for fits, _ in right),
        f"{name}/no": share(fits for fits, sample in right if not sample.changed),
        f"{name}/yes": share(fits for fits, sample in right if sample.changed),
    }


def _halves(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Words that matter of what is said of each date."""
    first, _, second = text.removeprefix("before:").partition("after:")
    dull = {"a", "an", "and", "at", "on", "in", "the"}
    return frozenset(first.replace(",", " ").replace(".", " ").split()) - dull, frozenset(
        second.replace(",", " ").replace(".", " ").split()
    ) - dull


def share(values: Iterable[bool]) -> float | None:
    """How many of them; None of none."""
    flags = list(values)
    return ratio(sum(flags), len(flags))


def known(scores: Mapping[str, float | None]) -> dict[str, float]:
    """Scores that there are, to four places."""
    return {name: round(value, 4) for name, value in scores.items() if value is not None}
