"""Checks of a model: a detector, a describer, or both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from onediff_plugins.records import ChangeRegion, Description
from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.checks import arrays_of, differing, map_difference
from onediff_plugins.testing.messages import failure
from onediff_plugins.types import ChangeMap, ImagePair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.specs import BuildContext, ModelSpec


class ModelTests(ConformanceTests):
    """What every model must do; a subclass names the plugin and the model.

    The pairs are prepared by the domain that the plugin brings, or by the built-in behaviour where it brings none.

    Attributes:
        model: name of the ModelSpec.
        device: any torch device; detectors without torch ignore it.
        heads: heads to load, for a model that takes heads; none for those that the host would choose.
        tolerance: by how much scores of one pair may differ between two calls and between batches.
    """

    model: ClassVar[str] = ""
    device: ClassVar[str] = "cpu"
    heads: ClassVar[tuple[str, ...]] = ()
    tolerance: ClassVar[float] = 1e-5

    _model: ClassVar[Any]

    @property
    def spec(self) -> ModelSpec:
        """The model's record."""
        self.require_loaded()
        assert self.model, f"{type(self).__name__}: set `model` to the name of your ModelSpec"
        return self.host.model(self.model)

    @property
    def built(self) -> Any:  # noqa: ANN401  # either protocol
        """The model, built once for the class; a check that needs one that cannot be built here is skipped."""
        weights = self.host.settings(self.domain.name).weights
        if (why := self.spec.why_not(weights, settings=self.host.model_settings(self.model))) is not None:
            pytest.skip(f"model {self.model!r} says that it is not available here: {why}")
        cls = type(self)
        if "_model" not in vars(cls):
            cls._model = self.spec.build(self.context())
        return cls._model

    def context(self) -> BuildContext:
        """What the model is built from."""
        heads = self.host.choose_heads(self.spec, self.domain.name, self.heads)
        return replace(self.host.build_context(self.spec, self.domain.name, heads), device=self.device)

    # --- the record and building ------------------------------------------------------------------------------

    def test_available_is_none_or_a_reason(self) -> None:
        """`available()` is asked for every `compare`: None, or why the model cannot be built now."""
        answer = self.spec.available()
        assert answer is None or (isinstance(answer, str) and answer.strip()), failure(
            f"available() of model {self.model!r}",
            f"{answer!r}",
            expected="None when the model can be built now, else a sentence that says what is missing",
            do="return None, not True; a reason names the package or the weights and how to get them",
            section="available",
        )

    def test_the_model_has_the_methods_of_its_roles(self) -> None:
        """Role "detect" means `detect`, role "describe" means `describe`."""
        missing = [role for role in sorted(self.spec.roles) if not callable(getattr(self.built, role, None))]
        assert not missing, failure(
            f"build() of model {self.model!r}",
            f"{type(self.built).__name__} has no method {' and no '.join(missing)}",
            expected=f"an object with {' and '.join(sorted(self.spec.roles))}",
            do="correct ModelSpec.roles or the class",
            section="build",
        )

    def _require(self, role: str) -> None:
        if role not in self.spec.roles or not callable(getattr(self.built, role, None)):
            pytest.skip(f"model {self.model!r} does not {role}")

    # --- detecting --------------------------------------------------------------------------------------------

    def pairs(self) -> tuple[list[ImagePair], list[ImagePair]]:
        """Two pairs as a detector gets them, with their overviews; of the first, a part is not valid."""
        one, other = self.draw(), self.draw(place=1)
        valid = np.ones(one.shape[:2], dtype=np.bool_)
        valid[:, : one.shape[1] // 8] = False
        prepared = [
            self.prepare(self.place(one), self.place(self.insert(one)[0], valid=valid)),
            self.prepare(self.place(other), self.place(self.insert(other)[0])),
        ]
        return [pair for pair, _ in prepared], [seen for _, seen in prepared]

    def detect(self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair]) -> list[ChangeMap]:
        """The model's answer; a check of a model that does not detect is skipped."""
        self._require("detect")
        maps: list[ChangeMap] = self.built.detect(pairs, overviews, self.host.settings(self.domain.name))
        return maps

    def test_detecting_gives_one_map_per_pair_on_the_after_grid(self) -> None:
        """A list of ChangeMaps, each of the size of its after image."""
        pairs, overviews = self.pairs()
        maps = self.detect(pairs, overviews)
        got = [m.score.shape if isinstance(m, ChangeMap) else type(m).__name__ for m in maps]
        wanted = [(pair.after.height, pair.after.width) for pair in pairs]
        assert got == wanted, failure(
            f"detect() of model {self.model!r}",
            f"gave {got} for two pairs",
            expected=f"a list of ChangeMaps of shape {wanted}",
            do="give one map per pair, in order, on the grid of `pair.after`",
            section="detect",
        )

    def test_what_is_not_valid_has_no_score(self) -> None:
        """Scores are 0, and `valid` is False, wherever the pair cannot be compared."""
        pairs, overviews = self.pairs()
        for pair, change in zip(pairs, self.detect(pairs, overviews), strict=False):
            if change.score.shape != pair.valid.shape:
                continue  # what the check of the maps is for
            wrong = ((change.score > 0) | change.valid) & ~pair.valid
            assert not wrong.any(), failure(
                f"detect() of model {self.model!r}",
                f"{int(wrong.sum())} pixels that are not valid have a score or are called valid",
                expected="score 0 and valid False wherever `pair.valid` is False",
                do="np.where(pair.valid, score, 0), and ChangeMap(valid=pair.valid & ...)",
                section="detect",
            )

    def test_detecting_is_deterministic(self) -> None:
        """Two calls with the same pairs give the same maps."""
        pairs, overviews = self.pairs()
        self._check_same(
            self.detect(pairs, overviews),
            self.detect(pairs, overviews),
            "two calls with the same pairs",
            "seed random numbers with a constant, switch dropout off, keep no state between calls",
        )

    def test_a_batch_of_two_equals_two_of_one(self) -> None:
        """What a pair scores does not depend on its neighbours in the batch."""
        pairs, overviews = self.pairs()
        alone = [change for pair, seen in zip(pairs, overviews, strict=True) for change in self.detect([pair], [seen])]
        self._check_same(
            self.detect(pairs, overviews),
            alone,
            "a batch of two and two batches of one",
            "take statistics per pair, from its own overview, never over the batch",
        )

    def _check_same(self, one: list[ChangeMap], other: list[ChangeMap], what: str, do: str) -> None:
        for number, (a, b) in enumerate(zip(one, other, strict=False)):
            difference = map_difference(a, b, self.tolerance)
            assert difference is None, failure(
                f"detect() of model {self.model!r}",
                f"{what} differ for pair {number}: {difference}",
                expected=f"the same maps, scores to {self.tolerance:g}",
                do=do,
                section="detect",
            )

    def test_detecting_leaves_the_pairs_alone(self) -> None:
        """Arrays are shared with the stages that follow."""
        pairs, overviews = self.pairs()
        given = arrays_of(*pairs, *overviews)
        self.detect(pairs, overviews)
        self._check_untouched("detect", differing(given, arrays_of(*pairs, *overviews)))

    def _check_untouched(self, method: str, written: list[str]) -> None:
        assert not written, failure(
            f"{method}() of model {self.model!r}",
            f"wrote to its input: {', '.join(written)}",
            expected="arrays as they were: they are shared with the other stages",
            do="copy before you write; torch.tensor copies, torch.from_numpy does not",
            section=method,
        )

    def test_labelled_regions_are_the_regions_given(self) -> None:
        """`label`, where a detector has it, names regions and neither drops nor adds any."""
        if "detect" not in self.spec.roles or not hasattr(self.built, "label"):
            pytest.skip(f"model {self.model!r} has no `label`")
        pair, regions = self.pairs()[0][1], self.regions()
        assert regions, f"model {self.model!r}: the drawn pair has no region to label; override `draw` or `insert`"
        labelled = list(self.built.label(pair, regions))
        same = [r.geometry for r in labelled if isinstance(r, ChangeRegion)] == [r.geometry for r in regions]
        assert same, failure(
            f"label() of model {self.model!r}",
            f"gave {len(labelled)} answers for {len(regions)} regions, or other ones",
            expected="the same regions in the same order, with labels: region.replace(label=...)",
            do="leave the unknown ones as they are",
            section="detect",
        )

    # --- describing -------------------------------------------------------------------------------------------

    def regions(self) -> list[ChangeRegion]:
        """Regions of the second pair, as the domain finds them."""
        other = self.draw(place=1)
        return list(self.compare(self.place(other), self.place(self.insert(other)[0])).regions)

    def describe(self, pairs: Sequence[ImagePair] = ()) -> list[Description]:
        """The model's words for two pairs, the first without regions; skipped for one that does not describe."""
        self._require("describe")
        pairs = pairs or self.pairs()[0]
        regions = [[], self.regions()]
        prompts = [self.host.caption_prompt(self.domain.name, *each) for each in zip(pairs, regions, strict=True)]
        said: list[Description] = self.built.describe(pairs, regions, prompts)
        return said

    def test_describing_gives_one_caption_per_pair(self) -> None:
        """A caption for each pair, the unchanged one included."""
        said = self.describe()
        captions = [d.caption if isinstance(d, Description) else type(d).__name__ for d in said]
        fits = len(said) == 2 and all(isinstance(d, Description) and d.caption.strip() for d in said)
        assert fits, failure(
            f"describe() of model {self.model!r}",
            f"gave {captions} for two pairs",
            expected="one Description per pair, its caption not empty, also where there are no regions",
            do="say that nothing changed where there are no regions",
            section="describe",
        )

    def test_region_captions_are_one_per_region_or_none(self) -> None:
        """`region_captions` is empty, or has one caption per region in the order given."""
        for description, regions in zip(self.describe(), ([], self.regions()), strict=False):
            count = len(description.region_captions)
            assert count in (0, len(regions)), failure(
                f"describe() of model {self.model!r}",
                f"gave {count} region captions for {len(regions)} regions",
                expected=f"{len(regions)} or none",
                do="give one per region, in order; leave region_captions out where there are none",
                section="describe",
            )

    def test_describing_is_deterministic(self) -> None:
        """Two calls with the same pairs give the same words."""
        first, second = self.describe(), self.describe()
        assert first == second, failure(
            f"describe() of model {self.model!r}",
            f"first {[d.caption for d in first]}, then {[d.caption for d in second]}",
            expected="the same words for the same pairs",
            do="decode greedily or with a constant seed",
            section="describe",
        )

    def test_describing_leaves_the_pairs_alone(self) -> None:
        """Arrays are shared with the stages that follow."""
        pairs, _ = self.pairs()
        given = arrays_of(*pairs)
        self.describe(pairs)
        self._check_untouched("describe", differing(given, arrays_of(*pairs)))
