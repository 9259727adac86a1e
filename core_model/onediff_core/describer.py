"""OneDiff as a describer: the pair in words from the places that were found, and each place by itself."""

from __future__ import annotations

import copy
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from onediff_core.devices import inference
from onediff_core.errors import CheckpointError
from onediff_core.grounding import grounded
from onediff_core.imagery import PairView, place_of, whole_view, window_of, with_context
from onediff_core.prompts import Place
from onediff_plugins.records import Description
from onediff_plugins.windows import overview

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.imagery import FloatImage
    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import Box, ImagePair

BATCH: Final = 8
MOST_PLACES: Final = 8
# A scene can have thousands of regions, each a tenth of a second of a CPU.
MOST_DESCRIBED: Final = 24
MOST_NEW_TOKENS: Final = 64
BEAMS: Final = 3
# What is said of a pair that has changed places, by a model that found no words for them.
SOMETHING: Final = "Something changed."


class _Question(NamedTuple):
    images: tuple[FloatImage, FloatImage]
    prompt: str
    places: tuple[Place, ...]
    more: bool = False  # places than the strongest


class Describer:
    """Says what differs, by beam search: the same pair gets the same words.

    Of the beams that one is said which the places contradict least (`onediff_core.grounding`).

    Whether anything changed is not the language model's to say: the verdict is made from the regions that were kept,
    and a pair without any gets the domain's own sentence.
    """

    def __init__(self, checkpoint: Checkpoint, unchanged: str, device: torch.device) -> None:
        """Check that there is something to speak with.

        Args:
            checkpoint: its model on the device, in the dtype that it is to run in.
            unchanged: the domain's sentence for a pair without a region.
            device: where it is.

        Raises:
            CheckpointError: no language model, no tokenizer, or a language model that was never trained to speak of
                images.
        """
        self._model, self._unchanged, self._device = checkpoint.model, unchanged, device
        if checkpoint.processor is None:
            raise CheckpointError(
                f"{checkpoint.name} holds no tokenizer, so it detects and does not describe: choose --captioner "
                "template, or weights that have one"
            )
        self._processor = copy.copy(checkpoint.processor)
        self._processor.image_processor = whole_view(checkpoint.image_processor)
        self._window = window_of(checkpoint.image_processor)
        try:
            self._model.require_trained()
        except ValueError as error:
            raise CheckpointError(f"{checkpoint.name}: {error}; or choose --captioner template") from error

    def describe(
        self,
        pairs: Sequence[ImagePair],
        regions: Sequence[Sequence[ChangeRegion]],
        prompts: Sequence[str | None],
    ) -> list[Description]:
        """Words for each pair and each of its regions; eight are thought of at a time, of whichever pair.

        Args:
            pairs: warped and preprocessed. Values that are no colours are scaled by the pair itself.
            regions: of each pair, on its after grid.
            prompts: the question about each pair; None names the places that were found, the eight strongest.

        Returns:
            The domain's sentence where there are no regions. Else a caption of the pair, seen whole, and one of each
            of the strongest regions, seen in a crop with context; sentences, with a capital and a full stop. Of more
            regions than `MOST_DESCRIBED` the others have none, and `unsaid` tells why.
        """
        asked = zip(pairs, regions, prompts, strict=True)
        answers = self._answers(chain.from_iterable(self._questions(*of_pair) for of_pair in asked))
        return [self._description(found, answers) for found in regions]

    def _description(self, regions: Sequence[ChangeRegion], answers: Iterator[str]) -> Description:
        if not regions:
            return Description(caption=self._unchanged)
        caption = next(answers) or SOMETHING
        said = {place: next(answers) for place in _described(regions)}
        unsaid = f"it describes the {MOST_DESCRIBED} strongest regions" if len(said) < len(regions) else None
        captions = tuple(said.get(place, "") for place in range(len(regions)))
        return Description(caption=caption, region_captions=captions, unsaid=unsaid)

    def _questions(self, pair: ImagePair, regions: Sequence[ChangeRegion], prompt: str | None) -> Iterator[_Question]:
        """About the whole pair, then about the strongest regions; none about a pair without regions."""
        if not regions:
            return
        view = PairView.of(pair, overview(pair), self._processor.image_processor)
        strongest = sorted(regions, key=lambda region: -region.score)[:MOST_PLACES]
        places = tuple(_place(region, place_of(region, view.box), view.box) for region in strongest)
        asked = self._processor.prompt(*(("regions", places) if prompt is None else ()), question=prompt)
        yield _Question(view.whole(), asked, places, more=len(regions) > MOST_PLACES)
        for region in (regions[place] for place in _described(regions)):
            place = place_of(region, view.box)
            crop = with_context(place, view.box, self._window)
            near = _place(region, place, crop)
            yield _Question(view.cut(crop), self._processor.prompt("refer", [near]), (near,))

    def _answers(self, questions: Iterator[_Question]) -> Iterator[str]:
        """One for each; crops are made when their turn comes, so that memory holds one batch of them."""
        while batch := list(islice(questions, BATCH)):
            inputs = self._processor([asked.images for asked in batch], [asked.prompt for asked in batch])
            inputs = inputs.to(self._device)
            with inference(self._device):
                said = self._model.generate(
                    **inputs,
                    max_new_tokens=MOST_NEW_TOKENS,
                    do_sample=False,
                    num_beams=BEAMS,
                    num_return_sequences=BEAMS,
                )
            texts = self._processor.answers(said, inputs["input_ids"])
            for number, asked in enumerate(batch):
                beams = texts[number * BEAMS : (number + 1) * BEAMS]
                yield sentence(grounded(beams, asked.places, more=asked.more))


def sentence(text: str) -> str:
    """Words as a sentence: one space between them, a capital first, a full stop last.

    Args:
        text: as a model wrote it; empty stays empty, and what ends in a mark of its own keeps it. What cannot be
            printed is left out: a terminal would obey it.
    """
    words = " ".join("".join(letter for letter in word if letter.isprintable()) for word in text.split()).strip()
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?" else ".")


def _described(regions: Sequence[ChangeRegion]) -> list[int]:
    """The places of the strongest regions, in the order of the list."""
    return sorted(sorted(range(len(regions)), key=lambda place: -regions[place].score)[:MOST_DESCRIBED])


def _place(region: ChangeRegion, place: Box, inside: Box) -> Place:
    """A region's place as shares of a part of the image."""
    x0, y0, x1, y1 = place.shifted(-inside.x0, -inside.y0)
    box = (x0 / inside.width, y0 / inside.height, x1 / inside.width, y1 / inside.height)
    return Place(box, region.kind, region.label)
