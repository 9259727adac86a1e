"""Answers of several methods to the same pairs, joined by id; what is missing on either side is named."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.answers import Answer, Answers
from onediff_core.evaluation.placing import Places, compared
from onediff_core.evaluation.said import UNCHANGED, says_nothing_changed
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onediff_core.evaluation.captions.scoring import CaptionScores, Tools
    from onediff_core.evaluation.references import Reference, References

Missing = Literal["refuse", "skip", "empty"]
TruthBy = Literal["auto", "places", "captions"]
NO_CHANGE: Final = "no-change"
_NAMED: Final = 10


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Ids that one side has and the other has not, or of pairs that were not answered.

    Attributes:
        method: whose.
        kind: unanswered (a reference without an answer), unknown (an answer without a reference) or failed.
        ids: in the order of their file.
    """

    method: str
    kind: str
    ids: tuple[str, ...]

    def line(self) -> str:
        """In words, the first ids named."""
        what = {
            "unanswered": "references have no answer",
            "unknown": "answers have no reference",
            "failed": "pairs failed",
        }[self.kind]
        more = f" and {len(self.ids) - _NAMED} more" if len(self.ids) > _NAMED else ""
        return f"{self.method}: {len(self.ids)} {what}: {', '.join(self.ids[:_NAMED])}{more}"


class Study:
    """What is scored.

    Attributes:
        references: where the pairs are from.
        pairs: those that are scored, in the order of the references.
        answers: by method, one a pair.
        swapped: by method, of the same pairs with their images exchanged; None where there is none.
        judged: methods that give verdicts.
        gaps: what was missing.
        tools: who takes captions apart; None where captions cannot be scored, for `no_tools`.
        no_tools: why.
        truth_by: what says whether a pair changed.
        vocabulary: captions that the words of `levir-ids` come from.
        caption_scores: what a protocol counted of captions, for others that need the same.
    """

    def __init__(
        self,
        references: References,
        answers: Sequence[Answers],
        *,
        swapped: Mapping[str, Answers] | None = None,
        missing: Missing = "refuse",
        tools: Tools | None = None,
        no_tools: str = "",
        truth_by: TruthBy = "auto",
        vocabulary: Sequence[str] = (),
    ) -> None:
        """Join.

        Args:
            references: the pairs.
            answers: of each method.
            swapped: method -> answers to the same pairs with their images exchanged.
            missing: what to do about ids that one side lacks and about failed pairs: refuse, skip such pairs for all
                methods, or count them as answers that say nothing.
            tools: who takes captions apart.
            no_tools: why there are none.
            truth_by: what says whether a pair changed: the list, else masks and regions, else captions (auto), or
                one of the latter alone.
            vocabulary: captions that the words of `levir-ids` come from; the references' own unless given.

        Raises:
            EvaluationError: something is missing and `missing` is "refuse", or nothing is left.
        """
        self.references, self.tools, self.no_tools, self.truth_by = references, tools, no_tools, truth_by
        self.vocabulary = tuple(vocabulary)
        self.caption_scores: dict[str, dict[str, CaptionScores]] = {}
        known = {pair.id for pair in references.pairs}
        self.gaps = [gap for of in answers for gap in _gaps(of, references.pairs, known)]
        if self.gaps and missing == "refuse":
            told = "; ".join(gap.line() for gap in self.gaps)
            raise EvaluationError(
                f"{told}. --missing skip scores the pairs that all have, --missing empty counts what is missing as "
                "an answer that says nothing"
            )
        left_out = {id_ for gap in self.gaps for id_ in gap.ids} if missing == "skip" else set()
        self.pairs = [pair for pair in references.pairs if pair.id not in left_out]
        if not self.pairs:
            raise EvaluationError(
                f"no pair of {references.path} was answered by all of {', '.join(of.name for of in answers)}"
            )
        self.answers = {of.name: [_of(of, pair.id) for pair in self.pairs] for of in answers}
        self.swapped = {name: [of.by_id.get(pair.id) for pair in self.pairs] for name, of in (swapped or {}).items()}
        self.judged = frozenset(of.name for of in answers if of.judged)

    @property
    def groups(self) -> list[str]:
        """Of each pair."""
        return [pair.group for pair in self.pairs]

    def captions(self, method: str) -> list[str] | None:
        """What a method says of each pair, "" where it says nothing; None where it never says anything."""
        said = [answer.caption for answer in self.answers[method]]
        return None if all(text is None for text in said) else [text or "" for text in said]

    def verdicts(self, method: str) -> list[bool | None]:
        """Of each pair; of a method without verdicts, what its captions say."""
        answers = self.answers[method]
        if method in self.judged:
            return [answer.changed for answer in answers]
        return [None if not answer.caption else not says_nothing_changed(answer.caption) for answer in answers]

    @cached_property
    def changed(self) -> list[bool | None]:
        """Whether each pair changed, as far as anything says so."""
        return [self._changed(pair, places) for pair, places in zip(self.pairs, self._is_there, strict=True)]

    @property
    def contradicting(self) -> list[str]:
        """Ids of pairs of which the captions say otherwise than the rest of what is known."""
        known = [next((told for told in told_ if told is not None), None) for told_ in zip(
            (pair.changed for pair in self.pairs), self._is_there, strict=True)]  # fmt: skip
        return [
            pair.id
            for pair, changed in zip(self.pairs, known, strict=True)
            if None not in (changed, pair.told_changed) and changed != pair.told_changed
        ]

    def _changed(self, pair: Reference, places: bool | None) -> bool | None:
        if self.truth_by == "captions":
            return pair.told_changed
        if self.truth_by == "places":
            return places
        return next((told for told in (pair.changed, places, pair.told_changed) if told is not None), None)

    @property
    def _is_there(self) -> list[bool | None]:
        return [there for there, _ in self._looked_at]

    def places(self, method: str) -> list[Places]:
        """How the places that a method found lie on the true ones, pair by pair.

        Raises:
            EvaluationError: a mask is missing, or of another size.
        """
        return [by_method[method] for _, by_method in self._looked_at]

    @cached_property
    def _looked_at(self) -> list[tuple[bool | None, dict[str, Places]]]:
        """Of each pair, read once, whether there is something to find, and how each method found it."""
        return [self._look(number, pair) for number, pair in enumerate(self.pairs)]

    def _look(self, number: int, pair: Reference) -> tuple[bool | None, dict[str, Places]]:
        if not pair.masked and pair.regions is None:
            return None, dict.fromkeys(self.answers, Places())
        try:
            truth = self.references.truth(pair)
        except PairError as error:
            raise EvaluationError(f"the references cannot be read: {error}") from error
        there = bool(truth.mask.any()) if truth.mask is not None else bool(truth.boxes)
        found = {name: compared(name, answers[number], truth) for name, answers in self.answers.items()}
        return there, found


def no_change(references: References) -> Answers:
    """The method that says of every pair that nothing changed."""
    said = {
        pair.id: Answer(id=pair.id, changed=False, score=0.0, caption=UNCHANGED, regions=(), mask="")
        for pair in references.pairs
    }
    return Answers(name=NO_CHANGE, source="built in", by_id=said, judged=True)


BASELINES: Final[Mapping[str, Callable[[References], Answers]]] = {NO_CHANGE: no_change}


def _gaps(answers: Answers, pairs: Sequence[Reference], known: set[str]) -> list[Gap]:
    kinds = {
        "unanswered": [pair.id for pair in pairs if pair.id not in answers.by_id],
        "unknown": [id_ for id_ in answers.by_id if id_ not in known],
        "failed": [id_ for id_, answer in answers.by_id.items() if answer.failed and id_ in known],
    }
    return [Gap(method=answers.name, kind=kind, ids=tuple(ids)) for kind, ids in kinds.items() if ids]


def _of(answers: Answers, id_: str) -> Answer:
    """An answer; one that is missing or failed says nothing of anything that this method speaks of."""
    answer = answers.by_id.get(id_)
    if answer is not None and not answer.failed:
        return answer
    some = next((other for other in answers.by_id.values() if not other.failed), Answer(id=id_))
    return Answer(
        id=id_,
        caption=None if some.caption is None else "",
        regions=None if some.regions is None else (),
        mask=None if some.mask is None else "",
        failed=answer.failed if answer else "there is no answer",
    )
