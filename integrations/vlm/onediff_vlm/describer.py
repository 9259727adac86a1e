"""A chat model as a describer: words for places that a detector found, checked against them, and kept on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from onediff_plugins.errors import DescriptionError
from onediff_plugins.records import Description
from onediff_vlm import questions
from onediff_vlm.answers import UnusableAnswerError, read_answer
from onediff_vlm.chat import digest
from onediff_vlm.pictures import PairPictures
from onediff_vlm.questions import Numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.records import ChangeRegion, ModelRecord
    from onediff_plugins.types import ImagePair
    from onediff_vlm.answers import Answer
    from onediff_vlm.cache import AnswerCache
    from onediff_vlm.chat import Chat, Turn
    from onediff_vlm.settings import VlmSettings


class VlmDescriber:
    """Says what differs where a detector found that something does.

    Whether anything changed is not the chat model's to say: shown two images that are the same, many such models
    invent a difference. A pair without regions gets the domain's own sentence, and nobody is asked.
    """

    def __init__(self, chat: Chat, settings: VlmSettings, unchanged: str, cache: AnswerCache | None) -> None:
        """Ask nothing yet.

        Args:
            chat: the model.
            settings: how much it is shown at once.
            unchanged: the domain's sentence for a pair without a region.
            cache: of its answers, or None.
        """
        self._chat, self._settings, self._unchanged, self._cache = chat, settings, unchanged, cache

    @property
    def record(self) -> ModelRecord:
        """What answers."""
        return self._chat.record

    def describe(
        self,
        pairs: Sequence[ImagePair],
        regions: Sequence[Sequence[ChangeRegion]],
        prompts: Sequence[str | None],
    ) -> list[Description]:
        """Words for each pair and each of its regions.

        Args:
            pairs: warped and preprocessed.
            regions: of each pair, on its after grid.
            prompts: the domain's own question about each pair, or None.

        Returns:
            The domain's sentence where there are no regions. Else a caption of the pair, and one of each region, empty
            where the model was not asked, saw nothing or gave no answer that can be used; `unsaid` then says which.

        Raises:
            DescriptionError: the model could not be asked, or has no words for a pair.
        """
        return [
            self._described(pair, found, prompt) if found else Description(caption=self._unchanged)
            for pair, found, prompt in zip(pairs, regions, prompts, strict=True)
        ]

    def _described(self, pair: ImagePair, found: Sequence[ChangeRegion], prompt: str | None) -> Description:
        numbered = [Numbered(number, region) for number, region in enumerate(found, start=1)]
        strongest = sorted(numbered, key=lambda place: -place.region.score)[: self._settings.max_regions]
        pictures = PairPictures(pair, self._settings.max_side)
        batches = list(_batches(strongest, self._settings.batch))
        said: dict[int, str] = {}
        reasons = []
        if others := len(found) - len(strongest):
            reasons.append(f"only the {len(strongest)} strongest regions are shown (vlm.max_regions)")
        caption: str | None = None
        for asked in batches:
            last = asked is batches[-1]  # places first, then the words for all of them
            turn = questions.question(
                pictures,
                asked,
                said=said if last else None,
                others=others,
                language=self._settings.language,
                prompt=prompt,
            )
            try:
                answer = self._answer(turn, [place.number for place in asked], pair=last)
            except UnusableAnswerError as error:
                if last:
                    raise
                reasons.append(f"{_listed([place.number for place in asked])}: {error}")
            else:
                said.update(answer.captions)
                caption = answer.caption
                reasons += _reasons(answer)
        if not said or not caption:
            raise DescriptionError(f"{self.record.name} sees no difference at any of the places that it was shown")
        captions = tuple(said.get(place.number, "") for place in numbered)
        return Description(caption=caption, region_captions=captions, unsaid="; ".join(reasons) or None)

    def _answer(self, turn: Turn, places: Sequence[int], *, pair: bool) -> Answer:
        """What the model says, from the cache where it said so before; an unusable answer is asked for once more."""
        key = None
        if self._cache is not None:
            key = digest(json.dumps([questions.VERSION, self._chat.identity()]), [turn])
            if (kept := self._cache.get(key)) is not None:
                try:
                    return read_answer(kept, places, pair=pair)
                except UnusableAnswerError:  # damaged, or kept by a version that read it otherwise
                    pass
        text = ""
        try:
            text = self._chat.ask([turn])
            answer = read_answer(text, places, pair=pair)
        except UnusableAnswerError as first:
            if not text:  # cut short, refused or empty: it would be so again
                raise self._unusable(first) from first
            try:
                text = self._chat.ask(questions.again(turn, text, str(first)))
                answer = read_answer(text, places, pair=pair)
            except UnusableAnswerError as second:
                raise self._unusable(second, ", asked twice") from first
        if self._cache is not None and key is not None:
            self._cache.put(key, text)
        return answer

    def _unusable(self, error: UnusableAnswerError, tried: str = "") -> UnusableAnswerError:
        return UnusableAnswerError(f"the answer of {self.record.name} cannot be used{tried}: {error}")


def _batches(places: Sequence[Numbered], size: int) -> list[tuple[Numbered, ...]]:
    """As many as needed and as equal as they can be; the last, which is shown the whole pair too, the smallest."""
    count = -(-len(places) // size)
    each = -(-len(places) // count)
    return [tuple(places[start : start + each]) for start in range(0, len(places), each)]


def _reasons(answer: Answer) -> list[str]:
    reasons = []
    if answer.unseen:
        reasons.append(f"it sees no difference at {_listed(answer.unseen)}")
    if answer.missing:
        reasons.append(f"it gave no answer for {_listed(answer.missing)}")
    return reasons


def _listed(numbers: Sequence[int]) -> str:
    """Such as "regions 2, 3"."""
    return f"region{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
