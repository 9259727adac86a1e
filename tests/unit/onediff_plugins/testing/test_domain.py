"""Good domains pass all checks of the kit, and for each check one bad domain fails that check alone."""

from __future__ import annotations

import importlib
import itertools
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import shapely

from onediff_plugins import (
    Box,
    ChangeRegion,
    DomainSettings,
    DomainSpec,
    ModelSpec,
    Piece,
    Registration,
    hookimpl,
    plain,
)
from onediff_plugins.errors import RegistrationError
from onediff_plugins.regions import components
from onediff_plugins.testing import DomainPluginTests

if TYPE_CHECKING:
    from collections.abc import Callable

# --- three good domains -------------------------------------------------------------------------------------------


def make_spec(**fields: Any) -> DomainSpec:
    return DomainSpec(**{"name": "subject", "summary": "a domain under test", "settings": DomainSettings, **fields})


def sniff(request):
    return 0.0


class Rigid:
    """Aligns by phase correlation; refuses what does not correlate."""

    limit_px = 30.0

    @hookimpl
    def onediff_domain(self):
        return make_spec(capabilities=frozenset({"rigid"}), sniff=sniff)

    @hookimpl
    def onediff_align_pair(self, pair):
        before, after = (frame.pixels.mean(axis=0).astype(np.float32) for frame in (pair.before, pair.after))
        if before.shape != after.shape:
            raise RegistrationError("sizes differ")
        window = cv2.createHanningWindow(before.shape[::-1], cv2.CV_32F)
        (dx, dy), response = cv2.phaseCorrelate(after, before, window)
        return self.registration(dx, dy, response)

    def registration(self, dx, dy, response):
        if response < 0.2:
            raise RegistrationError("these are two places")
        dx, dy = (0.0 if abs(value) < 0.02 else value for value in (dx, dy))
        return Registration(matrix=[[1, 0, dx], [0, 1, dy], [0, 0, 1]], method="phase-correlation")


class OnTheMap:
    """Everything built in, which follows georeferences."""

    @hookimpl
    def onediff_domain(self):
        return make_spec(capabilities=frozenset({"georeferenced"}))


class MovedDetector:
    """The difference inside the piece that was found again."""

    def detect(self, pairs, overviews, settings):
        return plain.DifferenceDetector().detect([replace(pair, unmatched_after=None) for pair in pairs], (), settings)


class InPieces:
    """Finds all that is printed on a page again, as one piece."""

    @hookimpl
    def onediff_domain(self):
        return make_spec(
            capabilities=frozenset({"pieces", "sizes-differ"}),
            kinds=("added", "removed", "changed", "moved"),
            detectors=("subject-moved",),
        )

    @hookimpl
    def onediff_models(self):
        yield ModelSpec(name="subject-moved", roles=frozenset({"detect"}), build=lambda context: MovedDetector())

    @hookimpl
    def onediff_align_pair(self, pair):
        before, after = (np.ascontiguousarray(frame.hwc) for frame in (pair.before, pair.after))
        box = self.printed(after)
        if not (pair.before.valid.all() and pair.after.valid.all()):
            return self.registration(pair.after.box, 0, 0)  # what is not valid has no counterpart to look for
        box = box.intersection(pair.before.box)
        _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(before, after[box.slices], cv2.TM_SQDIFF))
        return self.registration(box, x - box.x0, y - box.y0)

    def printed(self, page):
        rows, columns = np.nonzero((page != page[0, page.shape[1] // 2]).any(axis=2))
        return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)

    def registration(self, box, dx, dy):
        matrix = [[1, 0, dx], [0, 1, dy], [0, 0, 1]]
        return Registration(matrix=matrix, pieces=(Piece(box, dx, dy),), method="template")


GOOD = {"rigid": Rigid, "map": OnTheMap, "pieces": InPieces}
SKIPPED = {
    "rigid": {
        "test_importing_the_plugin_loads_nothing_heavy",
        "test_a_shift_on_the_map_is_followed",
        "test_regions_lie_on_the_map",
    },
    "map": {
        "test_importing_the_plugin_loads_nothing_heavy",
        "test_sniff_answers_for_anything_from_0_to_1",
        "test_a_shift_in_whole_pixels_is_recovered",
        "test_a_shift_of_less_than_a_pixel_is_recovered",
    },
    "pieces": {
        "test_importing_the_plugin_loads_nothing_heavy",
        "test_sniff_answers_for_anything_from_0_to_1",
        "test_a_shift_of_less_than_a_pixel_is_recovered",
        "test_a_shift_on_the_map_is_followed",
        "test_images_of_different_places_are_no_pair",
        "test_statistics_come_from_the_overview",
        "test_regions_lie_on_the_map",
    },
}
CHECKS = {name for name in dir(DomainPluginTests) if name.startswith("test_")}


def subject(plugin: object) -> type:
    return type("TestSubject", (DomainPluginTests,), {"plugin": plugin})


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_domain_passes_every_check_of_its_capabilities(kind: str, run: Callable) -> None:
    outcomes = run(subject(GOOD[kind]()))
    assert outcomes.failed == {}
    assert set(outcomes.skipped) == SKIPPED[kind]
    assert outcomes.passed == CHECKS - SKIPPED[kind]


# --- for each check one bad domain ---------------------------------------------------------------------------------


class HookOfAnotherName(Rigid):
    @hookimpl(optionalhook=True)
    def onediff_refine_results(self, result):
        return None


class ArgumentWithDefault(Rigid):
    @hookimpl
    def onediff_refine_result(self, result, settings=None):
        return None


class LooseSettings(DomainSettings, extra="ignore"):
    pass


class TakesAnySetting(Rigid):
    @hookimpl
    def onediff_domain(self):
        return make_spec(capabilities=frozenset({"rigid"}), sniff=sniff, settings=LooseSettings)


class SniffsByOpening(Rigid):
    @hookimpl
    def onediff_domain(self):
        return make_spec(capabilities=frozenset({"rigid"}), sniff=self.sniff)

    def sniff(self, request):
        if isinstance(request.before, str):
            Path(request.before).read_bytes()
        return 0.5


class SniffsInPercent(SniffsByOpening):
    def sniff(self, request):
        return 50


class LooksTooNear(Rigid):
    def registration(self, dx, dy, response):
        near = max(abs(dx), abs(dy)) <= 3
        return super().registration(dx if near else 0, dy if near else 0, response)


class RefusesWhatMoved(Rigid):
    def registration(self, dx, dy, response):
        if response >= 0.2 and max(abs(dx), abs(dy)) > 3:
            raise RegistrationError("the camera moved")
        return super().registration(dx, dy, response)


class WholePixelsOnly(Rigid):
    def registration(self, dx, dy, response):
        return super().registration(round(dx), round(dy), response)


class PiecesTheWrongWay(InPieces):
    def registration(self, box, dx, dy):
        return super().registration(box, -dx, -dy)


class TellsMovesAsChanges(InPieces):
    @hookimpl
    def onediff_refine_result(self, result):
        matrix = np.array(result.registration.matrix)
        if not matrix[:2, 2].any():
            return None
        return result.replace(regions=(region(Box(20, 20, 60, 60), id=1),), changed=True)


class IgnoresTheMap(OnTheMap):
    @hookimpl
    def onediff_align_pair(self, pair, settings):
        plain.prior(pair, settings)
        return Registration(method="assumed")


class KeepsThePrior(Rigid):
    def registration(self, dx, dy, response):
        return super().registration(*((dx, dy, response) if response >= 0.2 else (0, 0, 1)))


class TakesAnyPlace(OnTheMap):
    @hookimpl
    def onediff_align_pair(self, pair, settings):
        try:
            return plain.prior(pair, settings)
        except RegistrationError:
            if pair.after.georef is None:
                raise
            return Registration(method="assumed")


class CropsToOneSize(Rigid):
    @hookimpl
    def onediff_load_pair(self, request, settings):
        pair = plain.load_pair(request, settings)
        box = pair.before.box.intersection(pair.after.box)
        return replace(pair, before=plain.crop(pair.before, box), after=plain.crop(pair.after, box))


class ClaimsAnySize(Rigid):
    @hookimpl
    def onediff_domain(self):
        return make_spec(capabilities=frozenset({"rigid", "sizes-differ"}), sniff=sniff)


class DoesNotDecide(InPieces):
    @hookimpl
    def onediff_refine_result(self, result):
        if result.before.height != result.after.height:
            return result.replace(changed=None, regions=(), reason="the sizes differ")


class WritesToItsInput(Rigid):
    @hookimpl
    def onediff_preprocess_pair(self, pair, overview):
        pair.after.pixels.flags.writeable = True
        pair.after.pixels[0, 0, 0] ^= 1
        pair.after.pixels.flags.writeable = False


class CountsItsCalls(Rigid):
    calls = itertools.count()

    @hookimpl
    def onediff_preprocess_pair(self, pair, overview):
        done = plain.preprocess(pair, overview)
        return replace(done, before=replace(done.before, pixels=done.before.pixels + np.float32(next(self.calls))))


class DoublePrecision(Rigid):
    @hookimpl
    def onediff_preprocess_pair(self, pair, overview):
        done = plain.preprocess(pair, overview)
        return replace(done, after=replace(done.after, pixels=done.after.pixels.astype(np.float64)))


class ScalesEachWindow(Rigid):
    @hookimpl
    def onediff_preprocess_pair(self, pair, overview):
        high = np.float32(max(pair.after.pixels.max(), pair.aligned.pixels.max(), 1))
        frames = (replace(frame, pixels=frame.pixels / high) for frame in (pair.after, pair.aligned))
        return replace(pair, **dict(zip(("after", "before_on_after"), frames, strict=True)))


def region(box, **fields):
    return ChangeRegion(
        **{"score": 0.9, "area_px": box.area, "geometry": shapely.box(*box), "bbox_after": box, **fields}
    )


class SeesWhatIsNotThere(Rigid):
    @hookimpl
    def onediff_refine_result(self, result, pair):
        if pair.valid.all() and np.array_equal(pair.after.pixels, pair.aligned.pixels):
            return result.replace(changed=True, regions=(region(Box(5, 5, 9, 9), id=1),))


class SplitsRegions(Rigid):
    @hookimpl
    def onediff_extract_regions(self, change, settings):
        boxes = [Box(*(int(v) for v in one.geometry.bounds)) for one in components(change, settings.threshold)]
        middles = [(box.x0 + box.x1) // 2 for box in boxes]
        return [
            region(half)
            for box, middle in zip(boxes, middles, strict=True)
            for half in (box._replace(x1=middle), box._replace(x0=middle))
        ]


class FindsHalf(Rigid):
    @hookimpl
    def onediff_extract_regions(self, change, settings):
        found = [Box(*(int(v) for v in one.geometry.bounds)) for one in components(change, settings.threshold)]
        return [region(box._replace(x1=(box.x0 + box.x1) // 2 - 2)) for box in found]


class GrowsRegions(Rigid):
    @hookimpl
    def onediff_extract_regions(self, change, settings):
        found = components(change, settings.threshold)
        return [one.replace(geometry=shapely.box(*one.geometry.buffer(3).bounds), bbox_after=None) for one in found]


class UnknownKind(Rigid):
    @hookimpl
    def onediff_extract_regions(self, change, settings):
        return [one.replace(kind="moved") for one in components(change, settings.threshold)]


class UnknownLabel(Rigid):
    @hookimpl
    def onediff_extract_regions(self, change, settings):
        return [one.replace(label="house") for one in components(change, settings.threshold)]


class Unsorted(Rigid):
    @hookimpl
    def onediff_refine_result(self, result):
        return result.replace(regions=result.regions[::-1])


class TakesAreasAway(OnTheMap):
    @hookimpl
    def onediff_refine_result(self, result):
        return result.replace(regions=tuple(one.replace(attributes={}) for one in result.regions))


class AlwaysDecides(Rigid):
    @hookimpl
    def onediff_refine_result(self, result):
        return result.replace(changed=bool(result.changed), reason=None)


class ForgetsMasks(Rigid):
    @hookimpl
    def onediff_load_pair(self, request, settings):
        pair = plain.load_pair(request, settings)
        if not (pair.after.valid.any() and pair.before.valid.any()):
            return pair
        return replace(pair, after=replace(pair.after, valid=np.ones_like(pair.after.valid)))


class Numbered(Rigid):
    runs = itertools.count()

    @hookimpl
    def onediff_refine_result(self, result):
        return result.replace(meta={"run": next(self.runs)})


class Attributes(Rigid):
    def __init__(self, value):
        self.value = value

    @hookimpl
    def onediff_refine_result(self, result):
        return result.replace(regions=tuple(one.replace(attributes={"extra": self.value}) for one in result.regions))


BAD = {
    "test_hooks_are_known_and_take_their_arguments": [
        ("rigid", HookOfAnotherName(), "did you mean 'onediff_refine_result'"),
        ("rigid", ArgumentWithDefault(), "'settings' a default"),
    ],
    "test_settings_refuse_unknown_keys": [
        ("rigid", TakesAnySetting(), "LooseSettings"),
    ],
    "test_sniff_answers_for_anything_from_0_to_1": [
        ("rigid", SniffsByOpening(), "FileNotFoundError for a missing file"),
        ("rigid", SniffsInPercent(), "answered 50"),
    ],
    "test_a_shift_in_whole_pixels_is_recovered": [
        ("rigid", LooksTooNear(), "(4, -3) px came back as (0.00, 0.00)"),
        ("rigid", RefusesWhatMoved(), "stage align of domain 'subject': RegistrationError: the camera moved"),
        ("pieces", PiecesTheWrongWay(), "cover 0% of the content"),
        ("pieces", TellsMovesAsChanges(), "only moved is told as changed"),
    ],
    "test_a_shift_of_less_than_a_pixel_is_recovered": [
        ("rigid", WholePixelsOnly(), "(1.5, -0.75) px came back as (2.00, -1.00)"),
    ],
    "test_a_shift_on_the_map_is_followed": [
        ("map", IgnoresTheMap(), "(assumed)"),
    ],
    "test_images_of_different_places_are_no_pair": [
        ("rigid", KeepsThePrior(), "two different places got changed=True"),
        ("map", TakesAnyPlace(), "two different places got changed=True"),
    ],
    "test_images_of_different_size_are_no_pair": [
        ("rigid", CropsToOneSize(), "two sizes got changed="),
        ("pieces", DoesNotDecide(), "two sizes got no answer: the sizes differ"),
        ("rigid", ClaimsAnySize(), "RegistrationError: sizes differ"),
    ],
    "test_preprocessing_is_pure_and_deterministic": [
        ("rigid", WritesToItsInput(), "after.pixels (by up to 1)"),
        ("rigid", CountsItsCalls(), "before.pixels (by up to 1)"),
        ("rigid", DoublePrecision(), "after is float64"),
    ],
    "test_statistics_come_from_the_overview": [
        ("rigid", ScalesEachWindow(), "a window of a scene"),
    ],
    "test_identical_images_are_unchanged": [
        ("rigid", SeesWhatIsNotThere(), "the same picture twice: changed=True"),
    ],
    "test_an_inserted_rectangle_is_one_region": [
        ("rigid", SplitsRegions(), "expected: one region"),
        ("rigid", FindsHalf(), "IoU of at least 0.5, not 0.4"),
    ],
    "test_regions_are_valid_and_inside": [
        ("rigid", GrowsRegions(), "outside the after image"),
        ("rigid", UnknownKind(), "DomainSpec.kinds"),
        ("rigid", UnknownLabel(), "DomainSpec.labels"),
        ("rigid", Unsorted(), "numbered from 1"),
    ],
    "test_regions_lie_on_the_map": [
        ("map", TakesAreasAway(), "area_m2=None"),
    ],
    "test_a_frame_without_valid_pixels_is_undecided": [
        ("rigid", AlwaysDecides(), "no valid pixel in the after image: changed=False"),
    ],
    "test_invalid_pixels_are_never_a_change": [
        ("rigid", ForgetsMasks(), "that is not valid: changed=True"),
    ],
    "test_the_same_pair_gives_the_same_result": [
        ("rigid", Numbered(), "differ in meta"),
    ],
    "test_the_record_survives_json": [
        ("rigid", Attributes((1, 2)), "regions[0].attributes"),
        ("rigid", Attributes(float("nan")), "regions[0].attributes"),
        ("rigid", Attributes(np.zeros(2)), "Unable to serialize"),
    ],
}
CASES = [(kind, plugin, check, said) for check, cases in BAD.items() for kind, plugin, said in cases]


@pytest.mark.parametrize(("kind", "plugin", "check", "said"), CASES, ids=[type(case[1]).__name__ for case in CASES])
def test_a_bad_domain_fails_the_one_check_that_is_for_it(kind, plugin, check, said, fails_only) -> None:
    assert said in fails_only(subject(plugin), check, CHECKS - SKIPPED[kind])


# --- plugins that cannot be asked anything -------------------------------------------------------------------------


class UnknownHook(Rigid):
    @hookimpl
    def onediff_algin_pair(self, pair):
        return None


class UnknownArgument(Rigid):
    @hookimpl
    def onediff_refine_result(self, results):
        return None


class Unmarked(Rigid):
    def onediff_refine_result(self, result):
        return None


class Raises(Rigid):
    @hookimpl
    def onediff_domain(self):
        raise OSError("no licence key")


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (UnknownHook(), "there is no hook 'onediff_algin_pair' (did you mean 'onediff_align_pair'?)"),
        (UnknownArgument(), "takes 'results'; the arguments are: result, pair, settings (did you mean 'result'?)"),
        (Unmarked(), "onediff_refine_result lacks @hookimpl"),
        (Raises(), "no licence key"),
    ],
)
def test_of_a_plugin_that_does_not_load_the_rest_is_skipped_with_the_reason(plugin, said, run) -> None:
    outcomes = run(subject(plugin))
    assert set(outcomes.failed) == {"test_hooks_are_known_and_take_their_arguments"}
    assert said in outcomes.failed["test_hooks_are_known_and_take_their_arguments"]
    assert outcomes.passed == set()
    reasons = {reason for name, reason in outcomes.skipped.items() if "imports" not in name and "importing" not in name}
    assert all("the plugin does not load: " in reason for reason in reasons)


def test_a_plugin_without_a_domain_is_told_which_classes_are_for_it(run) -> None:
    class NoDomain:
        @hookimpl
        def onediff_heads(self):
            return []

    outcomes = run(subject(NoDomain()))
    assert set(outcomes.failed) == {"test_the_plugin_is_a_domain"}
    assert "PluginTests, ModelTests and ExporterTests" in outcomes.failed["test_the_plugin_is_a_domain"]
    assert outcomes.passed == {"test_hooks_are_known_and_take_their_arguments"}


def test_a_class_that_names_no_plugin_says_so(run) -> None:
    outcomes = run(type("TestSubject", (DomainPluginTests,), {}))
    assert all("set `plugin`" in message for message in outcomes.failed.values())


PLUGIN = """
import numpy
from onediff_plugins import hookimpl

@hookimpl
def onediff_domain():
    from onediff_plugins import DomainSettings, DomainSpec

    return DomainSpec(name="quick", summary="a module", settings=DomainSettings)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def make(name: str, source: str):
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        made = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return made

    return make


def test_a_module_that_imports_heavy_packages_is_told_which_and_how_long_they_took(module, run, fails_only) -> None:
    quick = run(subject(module("quick", PLUGIN.replace("import numpy\n", ""))))
    assert quick.failed == {}
    heavy = module("heavy", PLUGIN)
    message = fails_only(subject(heavy), "test_importing_the_plugin_loads_nothing_heavy", quick.passed)
    assert "import heavy: loads numpy (" in message
    assert " ms)" in message


def test_an_import_that_its_author_allows_does_not_count(module, run) -> None:
    allowed = {"plugin": module("allowed", PLUGIN), "allowed_imports": frozenset({"numpy"})}
    assert run(type("TestSubject", (DomainPluginTests,), allowed)).failed == {}


def test_every_check_has_a_bad_domain() -> None:
    own = {"test_importing_the_plugin_loads_nothing_heavy", "test_the_plugin_is_a_domain"}
    assert BAD.keys() | own == CHECKS
