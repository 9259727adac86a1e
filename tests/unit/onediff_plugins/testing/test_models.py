"""A good model passes all checks of the kit, and for each check one bad model fails that check alone."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onediff_plugins import ChangeMap, Description, ModelSpec, hookimpl, plain
from onediff_plugins.testing import ModelTests

if TYPE_CHECKING:
    from collections.abc import Callable


class Model:
    """The built-in difference and a few words."""

    roles = frozenset({"detect", "describe"})

    @classmethod
    def available(cls):
        return None

    def detect(self, pairs, overviews, settings):
        return plain.DifferenceDetector().detect(pairs, overviews, settings)

    def label(self, pair, regions):
        return [region.replace(label="spot") for region in regions]

    def describe(self, pairs, regions, prompts):
        return [
            Description(caption=f"{len(found)} spots.", region_captions=tuple("a spot" for _ in found))
            for found in regions
        ]


class Bringing:
    """A plugin that brings one model."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model

    @hookimpl
    def onediff_models(self):
        yield ModelSpec(
            name="subject",
            roles=self.model.roles,
            build=lambda context: self.model(),
            available=self.model.available,
        )


CHECKS = {name for name in dir(ModelTests) if name.startswith("test_")}


def subject(made: type[Model], **attributes: object) -> type:
    return type("TestSubject", (ModelTests,), {"plugin": Bringing(made), "model": "subject", **attributes})


def test_a_good_model_passes_every_check(run: Callable) -> None:
    outcomes = run(subject(Model))
    assert outcomes.failed == {}
    assert outcomes.skipped == {}
    assert outcomes.passed == CHECKS


@pytest.mark.parametrize(
    ("role", "other", "left_out"), [("detect", "describe", "describing"), ("describe", "detect", "detecting")]
)
def test_checks_of_a_role_that_a_model_does_not_have_are_skipped(role, other, left_out, run) -> None:
    outcomes = run(subject(type("OneRole", (Model,), {"roles": frozenset({role})})))
    assert outcomes.failed == {}
    assert {reason for name, reason in outcomes.skipped.items() if left_out in name} == {
        f"Skipped: model 'subject' does not {other}"
    }


# --- for each check one bad model ----------------------------------------------------------------------------------


class SaysTrue(Model):
    @classmethod
    def available(cls):
        return True


class CannotDescribe(Model):
    describe = None


class GivesTheFirst(Model):
    def detect(self, pairs, overviews, settings):
        return super().detect(pairs, overviews, settings)[:1]


class HalfTheSize(Model):
    def detect(self, pairs, overviews, settings):
        maps = super().detect(pairs, overviews, settings)
        return [ChangeMap(score=one.score[::2, ::2].copy(), valid=one.valid[::2, ::2].copy()) for one in maps]


class ScoresNodata(Model):
    def detect(self, pairs, overviews, settings):
        maps = super().detect(pairs, overviews, settings)
        return [replace(one, score=np.maximum(one.score, np.float32(0.1))) for one in maps]


class CallsNodataValid(Model):
    def detect(self, pairs, overviews, settings):
        return [replace(m, valid=np.ones_like(m.valid)) for m in super().detect(pairs, overviews, settings)]


class Remembers(Model):
    """A cache that is added to whenever the same batch comes again."""

    last, times = None, 0

    def detect(self, pairs, overviews, settings):
        maps = super().detect(pairs, overviews, settings)
        batch = [float(pair.after.pixels.sum()) for pair in pairs]
        self.times = self.times + 1 if batch == self.last else 0
        self.last = batch
        return [replace(m, score=np.clip(m.score + np.float32(0.01 * self.times) * m.valid, 0, 1)) for m in maps]


class ScalesTheBatch(Model):
    def detect(self, pairs, overviews, settings):
        maps = super().detect(pairs, overviews, settings)
        return [replace(one, score=one.score / np.float32(len(pairs))) for one in maps]


def scribble(pair):
    pair.before.pixels.flags.writeable = True
    pair.before.pixels[0, 0, 0] //= 2
    pair.before.pixels.flags.writeable = False


class DetectorWrites(Model):
    def detect(self, pairs, overviews, settings):
        scribble(pairs[-1])
        return super().detect(pairs, overviews, settings)


class DropsRegions(Model):
    def label(self, pair, regions):
        return super().label(pair, regions)[1:]


class HasNoWordsForNothing(Model):
    def describe(self, pairs, regions, prompts):
        said = super().describe(pairs, regions, prompts)
        return [one if found else one.replace(caption=" ") for one, found in zip(said, regions, strict=True)]


class SaysOneMore(Model):
    def describe(self, pairs, regions, prompts):
        said = super().describe(pairs, regions, prompts)
        return [one.replace(region_captions=one.region_captions * 2) for one in said]


class SaysItOtherwise(Model):
    calls = itertools.count()

    def describe(self, pairs, regions, prompts):
        said = super().describe(pairs, regions, prompts)
        return [one.replace(caption=f"{one.caption} ({next(self.calls)})") for one in said]


class DescriberWrites(Model):
    def describe(self, pairs, regions, prompts):
        scribble(pairs[0])
        return super().describe(pairs, regions, prompts)


BAD = [
    (SaysTrue, "test_available_is_none_or_a_reason", "True"),
    (CannotDescribe, "test_the_model_has_the_methods_of_its_roles", "CannotDescribe has no method describe"),
    (GivesTheFirst, "test_detecting_gives_one_map_per_pair_on_the_after_grid", "gave [(256, 256)] for two pairs"),
    (HalfTheSize, "test_detecting_gives_one_map_per_pair_on_the_after_grid", "gave [(128, 128), (128, 128)]"),
    (ScoresNodata, "test_what_is_not_valid_has_no_score", "8192 pixels that are not valid"),
    (CallsNodataValid, "test_what_is_not_valid_has_no_score", "8192 pixels that are not valid"),
    (Remembers, "test_detecting_is_deterministic", "scores differ by up to 0.01"),
    (ScalesTheBatch, "test_a_batch_of_two_equals_two_of_one", "two batches of one differ for pair 0"),
    (DetectorWrites, "test_detecting_leaves_the_pairs_alone", "pair 1: before.pixels"),
    (DropsRegions, "test_labelled_regions_are_the_regions_given", "gave 0 answers for 1 regions"),
    (HasNoWordsForNothing, "test_describing_gives_one_caption_per_pair", "gave [' ', '1 spots.'] for two pairs"),
    (SaysOneMore, "test_region_captions_are_one_per_region_or_none", "gave 2 region captions for 1 regions"),
    (SaysItOtherwise, "test_describing_is_deterministic", "first ['0 spots. ("),
    (DescriberWrites, "test_describing_leaves_the_pairs_alone", "pair 0: before.pixels"),
]


@pytest.mark.parametrize(("model", "check", "said"), BAD, ids=[case[0].__name__ for case in BAD])
def test_a_bad_model_fails_the_one_check_that_is_for_it(model, check, said, run, fails_only) -> None:
    others = CHECKS
    if model is SaysTrue:  # nothing is built of what says that it is not available
        others = {check}
    if model is CannotDescribe:
        others = {name for name in CHECKS if "describing" not in name and "captions" not in name}
    assert said in fails_only(subject(model), check, others)


def test_every_check_has_a_bad_model() -> None:
    assert {check for _, check, _ in BAD} == CHECKS


def test_a_failed_check_shows_its_values_as_an_assert_of_ones_own_does(run) -> None:
    message = run(subject(GivesTheFirst)).failed["test_detecting_gives_one_map_per_pair_on_the_after_grid"]
    assert "assert [(256, 256)] == [(256, 256), (256, 256)]" in message


# --- models that cannot be built -----------------------------------------------------------------------------------


def test_a_model_that_is_not_available_here_is_skipped_with_its_reason(run) -> None:
    class NoWeights(Model):
        @classmethod
        def available(cls):
            return "the weights are not there: run `subject download`"

    outcomes = run(subject(NoWeights))
    assert outcomes.failed == {}
    assert outcomes.passed == {"test_available_is_none_or_a_reason"}
    assert all("run `subject download`" in reason for reason in outcomes.skipped.values())


def test_a_plugin_that_does_not_load_is_not_passed_over(run) -> None:
    class Broken(Bringing):
        def onediff_heads(self):
            return []

    outcomes = run(subject(Model, plugin=Broken(Model)))
    assert outcomes.failed.keys() == CHECKS
    assert all("onediff_heads looks like a hook but lacks @hookimpl" in said for said in outcomes.failed.values())


def test_a_class_that_names_no_model_says_so(run) -> None:
    outcomes = run(subject(Model, model=""))
    assert outcomes.passed == set()
    assert all("set `model`" in message for message in outcomes.failed.values())


def test_a_model_is_built_once_for_a_class_and_anew_for_another(run) -> None:
    built = []

    class Counted(Model):
        def __init__(self):
            built.append(self)

    first = subject(Counted)
    run(first)
    run(type("TestSubject", (first,), {"tolerance": 0.0}))
    assert len(built) == 2
