"""One test per hook, and what the host promises around them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import ClassVar

import click
import numpy as np
import pytest
import shapely

from onediff_plugins import (
    ChangeMap,
    ChangeRegion,
    Description,
    DomainSettings,
    ExecutorSpec,
    ExporterSpec,
    HeadSpec,
    ImagePair,
    ModelSpec,
    Overlay,
    PairFailure,
    PairRequest,
    Registration,
)
from onediff_plugins.errors import (
    OneDiffError,
    PluginConflictError,
    PluginContractError,
    PluginError,
    PluginLoadError,
    RegistrationError,
    StageError,
    UnknownNameError,
    UnsupportedSourceError,
)
from onediff_plugins.records import ModelRecord
from onediff_plugins.settings import ModelSettings


class Nothing:
    """A detector that sees no change, and a describer of few words."""

    def detect(self, pairs, overviews, settings):
        return [ChangeMap(score=np.zeros(pair.after.valid.shape, np.float32), valid=pair.after.valid) for pair in pairs]

    def describe(self, pairs, regions, prompts):
        return [Description(caption=f"asked: {prompt}") for prompt in prompts]


def model(name="nothing", roles=("detect", "describe"), build=lambda ctx: Nothing(), **more):
    return ModelSpec(name=name, roles=frozenset(roles), build=build, **more)


# --- contributions ----------------------------------------------------------------------------------------------


def test_onediff_domain_names_a_domain(make_host, make_domain):
    host = make_host(make_domain("toy"))
    assert list(host.domains()) == ["toy"]
    assert host.domain("toy").summary == "the toy domain"


def test_onediff_models_are_found_by_name(make_host, make_domain):
    host = make_host(make_domain("toy", onediff_models=lambda: iter([model()])))
    assert host.model("nothing").roles == {"detect", "describe"}
    assert set(host.models()) == {"nothing", "difference", "template"}


def test_onediff_heads_are_found_by_name(make_host, make_plugin):
    head = HeadSpec(name="toy.thing", task="mask", classes=("thing",))
    host = make_host(make_plugin("heads", onediff_heads=lambda: [head]))
    assert host.head("toy.thing") is head


def test_onediff_exporters_are_found_by_name_and_by_suffix(make_host, make_plugin):
    exporter = ExporterSpec(name="text", suffixes=(".txt",), write=lambda results, out: {})
    host = make_host(make_plugin("exporters", onediff_exporters=lambda: [exporter]))
    assert host.exporter("text") is host.exporter(".TXT") is exporter
    with pytest.raises(UnknownNameError, match=r"unknown file ending '\.tif'.*\.txt"):
        host.exporter(".tif")


def test_onediff_executors_are_found_by_name(make_host, make_plugin):
    executor = ExecutorSpec(name="inline", run=lambda fn, items, workers: ((i, fn(x)) for i, x in enumerate(items)))
    host = make_host(make_plugin("executors", onediff_executors=lambda: [executor]))
    assert host.executor("inline") is executor
    assert set(host.executors()) == {"inline", "local"}


def test_onediff_commands_are_click_commands(make_host, make_plugin):
    command = click.Command("hello")
    assert make_host(make_plugin("commands", onediff_commands=lambda: [command])).commands() == [command]


# --- stages -----------------------------------------------------------------------------------------------------


def test_onediff_load_pair_of_the_domain_comes_before_the_built_in(make_host, make_domain, pictures):
    from onediff_plugins.plain import load_pair

    seen = []

    def onediff_load_pair(request, settings):
        seen.append(request.id)
        return load_pair(replace(request, before=pictures[1]), settings)

    result = make_host(make_domain(onediff_load_pair=onediff_load_pair)).compare(*pictures, id="mine")
    assert seen == ["mine"]
    assert result.changed is False


def test_onediff_align_pair_says_where_after_pixels_lie(make_host, make_domain, pictures):
    before, _ = pictures
    shifted = np.roll(before, 3, axis=1)
    shifted[:, :3] = 0
    shifted[10:20, 13:23] = 0
    marked = before.copy()
    marked[10:20, 10:20] = 0
    matrix = np.array([[1, 0, 3], [0, 1, 0], [0, 0, 1]], float)
    host = make_host(
        make_domain(onediff_align_pair=lambda pair, settings: Registration(matrix=matrix, method="told", overlap=0.96))
    )
    result = host.compare(shifted, marked)
    assert result.changed is False
    assert result.registration.method == "told"
    assert result.registration.matrix[0] == (1, 0, 3)
    assert result.valid_fraction == pytest.approx(77 / 80)


def test_onediff_preprocess_pair_gets_pair_and_overview(make_host, make_domain, pictures):
    seen = []

    def onediff_preprocess_pair(pair, overview, settings):
        seen.append((pair.after.width, overview.after.width))
        return None

    large = np.zeros((20, 2048), np.uint8)
    host = make_host(make_domain(onediff_preprocess_pair=onediff_preprocess_pair))
    host.compare(large, large)
    assert seen == [(2048, 1024), (1024, 1024)]


def test_onediff_extract_regions_keeps_those_at_the_threshold(make_host, make_domain, pictures):
    from shapely import box

    def onediff_extract_regions(change, pair, settings):
        return [
            ChangeRegion(score=score, area_px=4, geometry=box(x, 0, x + 2, 2))
            for x, score in ((0, 0.4), (10, 0.5), (20, 0.9))
        ]

    result = make_host(make_domain(onediff_extract_regions=onediff_extract_regions)).compare(*pictures)
    assert [(region.id, region.score) for region in result.regions] == [(1, 0.9), (2, 0.5)]


def test_onediff_caption_prompt_reaches_the_describer(make_host, make_domain, pictures):
    host = make_host(
        make_domain(
            onediff_models=lambda: [model()],
            onediff_caption_prompt=lambda pair, regions, settings: f"{len(regions)} regions?",
        )
    )
    result = host.compare(*pictures, captioner="nothing")
    assert result.caption == "asked: 1 regions?"
    assert result.caption_source == "nothing"


def test_onediff_refine_result_has_the_last_word(make_host, make_domain, pictures):
    host = make_host(
        make_domain(onediff_refine_result=lambda result, pair, settings: result.replace(caption="Refined."))
    )
    assert host.compare(*pictures).caption == "Refined."


def test_onediff_overlays_of_all_plugins_are_merged(make_host, make_domain, make_plugin, pictures):
    def overlays(name):
        def onediff_overlays(result, pair):
            yield Overlay(name=name, kind="scalar", slice="after", data=1)

        return onediff_overlays

    host = make_host(
        make_domain(onediff_overlays=overlays("own")), make_plugin("other", onediff_overlays=overlays("more"))
    )
    result = host.compare(*pictures)
    assert [overlay.name for overlay in host.overlays(result, result.pair)] == ["own", "more"]


def test_onediff_overlays_must_be_overlays(make_host, make_domain, pictures):
    host = make_host(make_domain(onediff_overlays=lambda result, pair: ["text"]))
    result = host.compare(*pictures)
    with pytest.raises(PluginContractError, match="must give Overlay records, got str"):
        host.overlays(result, result.pair)


# --- observers --------------------------------------------------------------------------------------------------


def test_onediff_pair_finished_sees_every_result_and_cannot_break_one(
    make_host, make_domain, make_plugin, pictures, caplog
):
    seen = []

    def broken(result):
        raise RuntimeError("observer down")

    host = make_host(
        make_plugin("broken", onediff_pair_finished=broken),
        make_plugin("watching", onediff_pair_finished=lambda result: seen.append(result.id)),
        make_domain(),
    )
    with caplog.at_level(logging.WARNING):
        host.compare(*pictures, id="a")
    assert seen == ["a"]
    assert "broken" in caplog.text
    assert "observer down" in caplog.text


def test_onediff_pair_failed_sees_every_failure(make_host, make_domain, make_plugin):
    seen = []
    host = make_host(make_plugin("watching", onediff_pair_failed=lambda failure: seen.append(failure)), make_domain())
    with pytest.raises(UnsupportedSourceError):
        host.compare("nowhere.png", "nowhere.png", id="a")
    assert [(failure.id, failure.error.type) for failure in seen] == [("a", "UnsupportedSourceError")]


def test_onediff_fiftyone_setup_is_handed_the_dataset(make_host, make_plugin):
    seen = []
    make_host(make_plugin("fields", onediff_fiftyone_setup=lambda dataset: seen.append(dataset))).fiftyone_setup(
        "a dataset"
    )
    assert seen == ["a dataset"]


# --- routing ----------------------------------------------------------------------------------------------------


def test_a_stage_asks_only_the_pairs_own_domain(make_host, make_domain, pictures):
    asked = []

    def answering(name):
        def onediff_load_pair(request, settings):
            asked.append(name)

        return make_domain(name, onediff_load_pair=onediff_load_pair)

    host = make_host(answering("one"), answering("two"))
    host.compare(*pictures, domain="two")
    assert asked == ["two"]


def test_a_plugin_that_is_no_domain_may_wrap_a_stage_of_every_domain(make_host, make_domain, make_plugin, pictures):
    def onediff_align_pair(pair, settings):
        registration = yield
        return replace(registration, method=f"wrapped {registration.method}")

    host = make_host(make_domain(), make_plugin("wrapping", wrapper=True, onediff_align_pair=onediff_align_pair))
    assert host.compare(*pictures).registration.method == "wrapped assumed"


def test_auto_takes_the_surest_domain(make_host, make_domain, pictures):
    host = make_host(
        make_domain("one", {"sniff": lambda request: 0.4}), make_domain("two", {"sniff": lambda request: 0.9})
    )
    assert host.compare(*pictures).domain == "two"


@pytest.mark.parametrize(("first", "second"), [(0.4, 0.1), (0.9, 0.8)])
def test_auto_refuses_to_guess(make_host, make_domain, pictures, first, second):
    host = make_host(
        make_domain("one", {"sniff": lambda request: first}), make_domain("two", {"sniff": lambda request: second})
    )
    with pytest.raises(PluginError, match=r"cannot tell the domain of <array> and <array>.*--domain one\|two"):
        host.compare(*pictures)


def test_one_installed_domain_wins_alone(make_host, make_domain, pictures):
    assert make_host(make_domain("only", {"sniff": lambda request: 0.0})).compare(*pictures).domain == "only"


def test_no_domain_says_what_to_install(make_host, pictures):
    with pytest.raises(PluginError, match="pip install onediff-ui"):
        make_host().compare(*pictures)


def test_an_unknown_domain_names_the_near_miss_and_the_package(make_host, make_domain, pictures):
    host = make_host(make_domain("satelite"))
    with pytest.raises(UnknownNameError, match=r"Did you mean 'satelite'\?.*pip install onediff-satellite"):
        host.compare(*pictures, domain="satellite")


def test_two_plugins_that_claim_one_domain_are_named_when_it_is_asked_for(
    make_host, make_domain, make_plugin, pictures
):
    first = make_domain("toy")
    second = make_plugin("other", onediff_domain=first.onediff_domain)
    host = make_host(first, second)
    with pytest.raises(PluginConflictError, match=r"toy \(toy 0\) and other \(other 0\) both claim the domain 'toy'"):
        host.compare(*pictures, domain="toy")


# --- models -----------------------------------------------------------------------------------------------------


def test_the_first_available_detector_answers_and_the_result_says_so(make_host, make_domain, pictures):
    absent = model("absent", ("detect",), available=lambda: "no weights")
    host = make_host(
        make_domain(spec={"detectors": ("missing", "absent", "difference")}, onediff_models=lambda: [absent])
    )
    assert host.compare(*pictures).detector == "difference"


def test_no_available_detector_lists_every_reason(make_host, make_domain, pictures):
    absent = model("absent", ("detect",), available=lambda: "no weights")
    host = make_host(
        make_domain(spec={"detectors": ("missing", "absent", "template")}, onediff_models=lambda: [absent])
    )
    with pytest.raises(PluginError, match=r"missing: not installed; absent: no weights; template: it does not detect"):
        host.compare(*pictures)


@pytest.mark.parametrize(
    ("detector", "error", "message"),
    [
        ("diference", UnknownNameError, r"unknown detector 'diference'\. Did you mean 'difference'\?"),
        ("template", PluginError, "'template' is no detector"),
        ("absent", PluginError, "cannot be used here: no weights"),
    ],
)
def test_a_detector_asked_for_by_name_is_used_or_refused(make_host, make_domain, pictures, detector, error, message):
    absent = model("absent", ("detect",), available=lambda: "no weights")
    with pytest.raises(error, match=message):
        make_host(make_domain(onediff_models=lambda: [absent])).compare(*pictures, detector=detector)


def test_heads_for_a_detector_without_heads_are_refused(make_host, make_domain, pictures):
    with pytest.raises(PluginError, match="'difference' takes no heads"):
        make_host(make_domain()).compare(*pictures, heads=("toy.thing",))


def test_heads_reach_the_detector_and_the_record(make_host, make_domain, pictures):
    contexts = []

    def build(context):
        contexts.append(context)
        return Nothing()

    head = HeadSpec(name="toy.thing", task="mask", classes=("thing",))
    spec = model("heady", ("detect",), build=build, takes_heads=True, revision="7", licence="MIT")
    host = make_host(
        make_domain(
            spec={"detectors": ("heady",), "heads": ("toy.thing",)},
            onediff_models=lambda: [spec],
            onediff_heads=lambda: [head],
        ),
        device="cpu",
    )
    record = host.compare(*pictures).provenance.models["detect"]
    assert contexts[0].heads == record.heads == ("toy.thing",)
    assert (record.revision, record.licence) == ("7", "MIT")
    with pytest.raises(UnknownNameError, match=r"unknown head 'toy\.thin'\. Did you mean 'toy\.thing'"):
        host.compare(*pictures, heads=("toy.thin",))


# --- who names what a detector without heads found ---


class Finder:
    def detect(self, pairs, overviews, settings):
        return [finding(pair) for pair in pairs]


def finding(pair):
    shape = (pair.after.height, pair.after.width)
    found = ChangeRegion(kind="changed", score=0.9, area_px=16, geometry=shapely.box(1, 1, 5, 5))
    return ChangeMap(score=np.zeros(shape, np.float32), valid=pair.valid, candidates=(found,))


class Namer(Finder):
    def label(self, pair, regions):
        return [region.replace(label="button", kind="added") for region in regions]


def namer(contexts=None, held=("toy.kind",), task="region", **more):
    def build(context):
        if contexts is not None:
            contexts.append(context)
        return Namer()

    specs = [HeadSpec(name=name, task=task, classes=("button", "text")) for name in held]
    return model(
        "namer", ("detect",), build=build, takes_heads=True, revision="3", held_heads=lambda weights: specs, **more
    )


def host_of_finder(make_host, make_domain, *models):
    finder = model("finder", ("detect",), build=lambda context: Finder())
    spec = {"detectors": ("finder",), "labellers": ("absent", "namer")}
    return make_host(make_domain(spec=spec, onediff_models=lambda: [finder, *models]))


def test_a_labeller_names_what_a_detector_without_heads_found(make_host, make_domain, pictures):
    contexts = []
    result = host_of_finder(make_host, make_domain, namer(contexts)).compare(*pictures)
    assert [(region.kind, region.label) for region in result.regions] == [("added", "button")]
    assert contexts[0].heads == ("toy.kind",)
    models = result.provenance.models
    assert (models["detect"].name, models["label"].name, models["label"].heads) == ("finder", "namer", ("toy.kind",))


def test_without_a_head_for_the_domain_nobody_names_regions(make_host, make_domain, pictures):
    for others in ([], [namer(held=("other.kind",))], [namer(task="mask")]):
        result = host_of_finder(make_host, make_domain, *others).compare(*pictures)
        assert [(region.kind, region.label) for region in result.regions] == [("changed", "")]
        assert "label" not in result.provenance.models


def test_a_region_head_that_is_asked_for_goes_to_the_labeller(make_host, make_domain, pictures):
    host = host_of_finder(make_host, make_domain, namer(held=("other.kind",)))
    named = host.compare(*pictures, heads=("other.kind",))
    assert named.regions[0].label == "button"
    assert named.provenance.settings_digest != host.compare(*pictures).provenance.settings_digest
    with pytest.raises(UnknownNameError, match=r"Did you mean 'other\.kind'"):
        host.compare(*pictures, heads=("other.kin",))


def test_a_mask_head_does_not_name_what_another_detector_found(make_host, make_domain, pictures):
    host = host_of_finder(make_host, make_domain, namer(held=("toy.mask",), task="mask"))
    with pytest.raises(PluginError, match=r"'finder' finds regions, and 'toy\.mask' is a mask head.*--detector namer"):
        host.compare(*pictures, heads=("toy.mask",))


def test_a_mask_head_in_a_folder_or_of_a_plugin_does_not_either(make_host, make_domain, pictures, tmp_path):
    folder, spec = tmp_path / "roof", HeadSpec(name="toy.roof", task="mask", classes=("roof",))
    folder.mkdir()
    host = host_of_finder(make_host, make_domain, namer(head_in={folder: spec}.get))
    with pytest.raises(PluginError, match=r"'finder' finds regions, and '.*/roof' is a mask head.*--detector namer"):
        host.compare(*pictures, heads=(str(folder),))
    finder = model("finder", ("detect",), build=lambda context: Finder())
    plugin = make_domain(
        spec={"detectors": ("finder",), "labellers": ("namer",)},
        onediff_models=lambda: [finder, namer()],
        onediff_heads=lambda: [spec],
    )
    with pytest.raises(PluginError, match=r"'toy\.roof' is a mask head"):
        make_host(plugin).compare(*pictures, heads=("toy.roof",))


def test_a_region_head_in_a_folder_names_what_another_detector_found(make_host, make_domain, pictures, tmp_path):
    spec = HeadSpec(name="toy.kind", task="region", classes=("button",))
    for told in (spec, None):  # None: nothing is known of it until it is loaded
        host = host_of_finder(make_host, make_domain, namer(held=(), head_in=lambda folder, told=told: told))
        assert host.compare(*pictures, heads=(str(tmp_path),)).regions[0].label == "button"


# --- weights, heads beside them, and what was loaded ---


class Recorded(Nothing):
    record = ModelRecord(name="tiny", revision="abc", licence="MIT", heads=("any.thing",))


def weighty(contexts, **changes):
    """A model whose weights have to be named."""

    def build(context):
        contexts.append(context)
        return Recorded()

    values = {"available": lambda: "no weights ship", "takes_weights": True, "takes_heads": True, **changes}
    return model("weighty", build=build, **values)


def test_weights_that_a_setting_names_make_a_model_available_and_reach_it(make_host, make_domain, pictures):
    contexts = []
    spec = {"detectors": ("weighty", "difference"), "describers": ("weighty", "template")}
    plugin = make_domain(spec=spec, onediff_models=lambda: [weighty(contexts)])
    assert make_host(plugin).compare(*pictures).detector == "difference"
    result = make_host(plugin, settings={"toy.weights": "somewhere"}).compare(*pictures)
    assert (result.detector, result.caption_source) == ("weighty", "tiny")
    assert {context.weights for context in contexts} == {"somewhere"}


class Lit(DomainSettings):
    normalise: bool = True


@pytest.mark.parametrize(
    ("wants", "settings", "normalised"),
    [(True, {}, True), (False, {}, False), (False, {"normalise": True}, True), (True, {"normalise": False}, False)],
)
def test_a_detector_that_looks_past_light_gets_pairs_as_they_are_unless_somebody_sets_it(
    make_host, make_domain, pictures, wants, settings, normalised
):
    asked = []

    def preprocess(pair, overview, settings):
        asked.append(settings.normalise)
        return pair

    spec = model("lit", ("detect",), build=lambda context: Nothing(), wants_normalised=wants)
    plugin = make_domain(
        spec={"detectors": ("lit",), "settings": Lit},
        onediff_models=lambda: [spec],
        onediff_preprocess_pair=preprocess,
    )
    make_host(plugin, settings=settings).compare(*pictures)
    assert set(asked) == {normalised}


def test_a_pair_that_no_detector_suits_is_left_to_the_first_which_says_why_not(make_host, make_domain, pictures):
    def build(context):
        raise ValueError("too dark for me")

    blind = model("blind", ("detect",), build=build, unsuited=lambda pair, weights, heads: "it is dark")
    plugin = make_domain(spec={"detectors": ("blind",)}, onediff_models=lambda: [blind])
    with pytest.raises(StageError, match="too dark for me"):
        make_host(plugin).compare(*pictures)


def test_weights_do_not_reach_a_model_that_takes_none(make_host, make_domain, pictures):
    contexts = []
    spec = weighty(contexts, available=lambda: None, takes_weights=False)
    host = make_host(
        make_domain(spec={"detectors": ("weighty",)}, onediff_models=lambda: [spec]), settings={"weights": "somewhere"}
    )
    host.compare(*pictures)
    assert contexts[0].weights is None


def test_a_model_says_itself_what_it_loaded(make_host, make_domain, pictures):
    plugin = make_domain(
        spec={"detectors": ("weighty",), "describers": ("weighty",)}, onediff_models=lambda: [weighty([])]
    )
    result = make_host(plugin, settings={"weights": "somewhere"}).compare(*pictures)
    assert result.provenance.models == {"detect": Recorded.record, "describe": Recorded.record}
    assert result.detector == "weighty"


def test_a_record_that_is_none_is_the_models_fault(make_host, make_domain, pictures):
    class Wrong(Nothing):
        record = {"name": "tiny"}  # noqa: RUF012  # what a plugin might write

    spec = model("wrong", ("detect",), build=lambda context: Wrong())
    host = make_host(make_domain(spec={"detectors": ("wrong",)}, onediff_models=lambda: [spec]))
    with pytest.raises(PluginContractError, match=r"model 'wrong' of toy .* record must be a ModelRecord, got dict"):
        host.compare(*pictures)


def test_heads_beside_the_weights_are_known_by_name(make_host, make_domain, pictures):
    contexts, asked = [], []

    def held_heads(weights):
        asked.append(weights)
        return [HeadSpec(name=name, task="mask", classes=("x",)) for name in ("any.a", "any.b", "toy.a", "toys.a")]

    thing = HeadSpec(name="toy.thing", task="mask", classes=("thing",))
    plugin = make_domain(
        onediff_models=lambda: [weighty(contexts, held_heads=held_heads)], onediff_heads=lambda: [thing]
    )
    host = make_host(plugin, make_domain("other"), settings={"weights": "somewhere"})
    spec = host.model("weighty")
    assert host.choose_heads(spec, "toy", ()) == ("toy.a",)
    assert host.choose_heads(spec, "other", ()) == ("any.a", "any.b")
    assert host.choose_heads(spec, "toy", ("any.b", "toy.thing")) == ("any.b", "toy.thing")
    assert set(asked) == {"somewhere"}
    with pytest.raises(
        UnknownNameError, match=r"Did you mean 'toys\.a'\? Installed: any\.a, any\.b, toy\.a, toy\.thing"
    ):
        host.choose_heads(spec, "toy", ("toyss.a",))
    host.compare(*pictures, domain="toy", detector="weighty", heads=("toy.thing",))
    assert contexts[0].head_specs == {"toy.thing": thing}


def test_what_goes_wrong_while_heads_are_listed_is_the_plugins(make_host, make_domain, pictures):
    def held_heads(weights):
        raise RuntimeError("no disk")

    host = make_host(
        make_domain(onediff_models=lambda: [weighty([], held_heads=held_heads)]), settings={"weights": "somewhere"}
    )
    with pytest.raises(StageError, match=r"toy .*raised RuntimeError in stage \"asking 'weighty' for its heads\""):
        host.compare(*pictures, detector="weighty")


def test_regions_of_a_detector_with_classes_are_called_by_them(make_host, make_domain, pictures):
    class Classes(Nothing):
        def detect(self, pairs, overviews, settings):
            score = np.zeros((1, *pairs[0].after.valid.shape), np.float32)
            score[0, 10:20, 10:20] = 1
            return [
                ChangeMap(
                    score=score[0],
                    valid=pairs[0].after.valid,
                    class_scores=score,
                    class_names=("house-",),
                    class_kinds=("removed",),
                )
            ]

    spec = model("classes", ("detect",), build=lambda context: Classes())
    host = make_host(make_domain(spec={"detectors": ("classes",)}, onediff_models=lambda: [spec]))
    (region,) = host.compare(*pictures).regions
    assert (region.kind, region.label, region.bbox_before, region.bbox_after) == (
        "removed",
        "house",
        (10, 10, 20, 20),
        None,
    )


def test_a_model_is_built_once(make_host, make_domain, pictures):
    built = []
    spec = model("once", ("detect",), build=lambda context: built.append(context) or Nothing())
    host = make_host(make_domain(spec={"detectors": ("once",)}, onediff_models=lambda: [spec]))
    for _ in range(3):
        host.compare(*pictures)
    assert len(built) == 1


class Mapless(Nothing):
    def detect(self, pairs, overviews, settings):
        return []


class Wordless(Nothing):
    def describe(self, pairs, regions, prompts):
        return [Description(caption="")]


@pytest.mark.parametrize(
    ("detector", "message"),
    [(Mapless, "one ChangeMap per pair"), (Wordless, "must give one Description with a caption")],
)
def test_a_model_that_breaks_its_protocol_is_blamed(make_host, make_domain, pictures, detector, message):
    spec = model("wrong", build=lambda context: detector())
    host = make_host(
        make_domain(spec={"detectors": ("wrong",), "describers": ("wrong",)}, onediff_models=lambda: [spec])
    )
    with pytest.raises(PluginContractError, match=message) as caught:
        host.compare(*pictures)
    assert caught.value.plugin == "toy"


def test_a_detectors_own_names_for_regions_are_kept(make_host, make_domain, pictures):
    class Naming(Nothing):
        def detect(self, pairs, overviews, settings):
            score = np.zeros(pairs[0].after.valid.shape, np.float32)
            score[10:20, 10:20] = 1
            return [ChangeMap(score=score, valid=pairs[0].after.valid)]

        def label(self, pair, regions):
            return [region.replace(label="thing") for region in regions]

    spec = model("naming", ("detect",), build=lambda context: Naming())
    host = make_host(make_domain(spec={"detectors": ("naming",)}, onediff_models=lambda: [spec]))
    assert [region.label for region in host.compare(*pictures).regions] == ["thing"]


# --- errors -----------------------------------------------------------------------------------------------------


STAGES = ["load_pair", "align_pair", "preprocess_pair", "extract_regions", "caption_prompt", "refine_result"]


def raising(error):
    """A hook implementation with the arguments of any stage."""

    def onediff_load_pair(request, settings):
        raise error

    def onediff_align_pair(pair, settings):
        raise error

    def onediff_preprocess_pair(pair, overview, settings):
        raise error

    def onediff_extract_regions(change, pair, settings):
        raise error

    def onediff_caption_prompt(pair, regions, settings):
        raise error

    def onediff_refine_result(result, pair, settings):
        raise error

    return locals()


@pytest.mark.parametrize("stage", STAGES)
def test_a_foreign_exception_names_stage_plugin_and_version(make_host, make_domain, pictures, stage):
    hook = f"onediff_{stage}"
    host = make_host(make_domain(**{hook: raising(ZeroDivisionError("oops"))[hook]}))
    with pytest.raises(StageError, match=r"toy \(toy 0\) raised ZeroDivisionError in stage .*: oops") as caught:
        host.compare(*pictures)
    assert caught.value.plugin == "toy"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("stage", STAGES)
def test_an_error_of_ours_passes_unchanged_and_learns_whose_it_is(make_host, make_domain, pictures, stage):
    hook = f"onediff_{stage}"
    error = RegistrationError("not the same place")
    with pytest.raises(RegistrationError) as caught:
        make_host(make_domain(**{hook: raising(error)[hook]})).compare(*pictures)
    assert caught.value is error
    assert (caught.value.plugin, caught.value.stage) == ("toy", stage.removesuffix("_pair"))


def test_a_model_that_cannot_be_built_is_blamed(make_host, make_domain, pictures):
    spec = model("unbuildable", ("detect",), build=lambda context: {}["weights"])
    host = make_host(make_domain(spec={"detectors": ("unbuildable",)}, onediff_models=lambda: [spec]))
    with pytest.raises(StageError, match=r"toy \(toy 0\) raised KeyError in stage \"building model 'unbuildable'\""):
        host.compare(*pictures)


def test_a_stage_answer_of_the_wrong_type_is_refused(make_host, make_domain, pictures):
    host = make_host(make_domain(onediff_align_pair=lambda pair, settings: np.eye(3)))
    with pytest.raises(PluginContractError, match=r"onediff_align_pair .* must give Registration, got ndarray"):
        host.compare(*pictures)


def test_a_contribution_that_raises_breaks_only_its_plugin(make_host, make_domain, make_plugin, pictures):
    def onediff_models():
        yield model("fine")
        raise RuntimeError("no more models")

    host = make_host(make_plugin("bad", onediff_models=onediff_models), make_domain())
    assert host.compare(*pictures).changed is True
    with pytest.raises(PluginLoadError, match="no more models"):
        host.plugin("bad")
    assert "fine" not in host.models()


def test_a_record_that_is_not_valid_breaks_only_its_plugin(make_host, make_domain, make_plugin):
    host = make_host(make_plugin("bad", onediff_models=lambda: [model("Bad Name")]), make_domain())
    with pytest.raises(PluginLoadError, match="the name 'Bad Name' must match"):
        host.plugin("bad")
    assert list(host.domains()) == ["toy"]


def test_asking_for_a_broken_domain_gives_the_original_error(make_host, make_plugin, pictures):
    def onediff_domain():
        raise ImportError("no module named magic")

    host = make_host(make_plugin("magic", onediff_domain=onediff_domain))
    with pytest.raises(PluginLoadError, match="no module named magic") as caught:
        host.compare(*pictures, domain="magic")
    assert isinstance(caught.value.__cause__, OneDiffError)


# --- many -------------------------------------------------------------------------------------------------------


def test_compare_many_goes_on_past_a_bad_pair_and_numbers_what_has_no_id(
    make_host, make_domain, pictures, schema_errors
):
    before, after = pictures
    requests = [
        PairRequest(before=before, after=after),
        PairRequest(before=before, after="nowhere.png", meta={"k": 1}),
        PairRequest(before=before, after=before, id="named"),
    ]
    outcomes = list(make_host(make_domain()).compare_many(iter(requests)))
    assert [outcome.id for outcome in outcomes] == ["000001", "000002", "named"]
    failure = outcomes[1]
    assert isinstance(failure, PairFailure)
    assert failure.error.stage == "load"
    assert "nowhere.png" in failure.error.message
    assert [outcomes[0].changed, outcomes[2].changed] == [True, False]
    for outcome in outcomes:
        assert schema_errors(outcome.model_dump(mode="json")) == []


def test_compare_many_is_lazy(make_host, make_domain, pictures):
    def endless():
        while True:
            yield PairRequest(before=pictures[0], after=pictures[1])

    outcomes = make_host(make_domain()).compare_many(endless())
    assert [next(outcomes).id for _ in range(3)] == ["000001", "000002", "000003"]


def test_settings_reach_stages_and_detectors(make_host, make_domain, pictures):
    seen = []

    class Settings(DomainSettings):
        level: int = 1

    def onediff_align_pair(pair: ImagePair, settings: Settings):
        seen.append(settings.level)

    host = make_host(
        make_domain(spec={"settings": Settings}, onediff_align_pair=onediff_align_pair), settings={"toy.level": 5}
    )
    other = make_host(make_domain(spec={"settings": Settings}))
    assert host.compare(*pictures).provenance.settings_digest != other.compare(*pictures).provenance.settings_digest
    assert seen == [5]


# --- writing and running ----------------------------------------------------------------------------------------


def test_export_goes_by_name_or_by_suffix(make_host, make_domain, pictures, tmp_path):
    host = make_host(make_domain())
    result = host.compare(*pictures)
    host.export([result], tmp_path / "a.json")
    assert host.export([result], tmp_path, "png")["mask"] == "mask.png"
    assert (tmp_path / "a.json").is_file()
    assert (tmp_path / "mask.png").is_file()


def test_an_exporter_that_raises_or_answers_wrongly_is_blamed(make_host, make_plugin, tmp_path):
    def fails(results, out):
        raise RuntimeError("disk on fire")

    broken = ExporterSpec(name="broken", suffixes=(".a",), write=fails)
    silent = ExporterSpec(name="silent", suffixes=(".b",), write=lambda results, out: None)
    host = make_host(make_plugin("writers", onediff_exporters=lambda: [broken, silent]))
    with pytest.raises(StageError, match=r"writers \(writers 0\) raised RuntimeError in stage 'export': disk on fire"):
        host.export([], tmp_path / "x.a")
    with pytest.raises(PluginContractError, match=r"exporter 'silent' of writers .* must give a mapping"):
        host.export([], tmp_path / "x.b")


def test_an_executor_that_raises_is_blamed(make_host, make_plugin):
    def run(fn, items, workers):
        yield 0, fn(items[0])
        raise RuntimeError("no more machines")

    host = make_host(make_plugin("farm", onediff_executors=lambda: [ExecutorSpec(name="farm", run=run)]))
    outcomes = host.execute("farm", str, [7, 8], 1)
    assert next(outcomes) == (0, "7")
    with pytest.raises(StageError, match=r"farm \(farm 0\) raised RuntimeError in stage 'executor farm'"):
        next(outcomes)


def test_a_plugin_that_breaks_in_a_later_contribution_is_out_as_a_whole(make_host, make_domain, pictures):
    def onediff_exporters():
        raise RuntimeError("no exporters")

    host = make_host(make_domain("broken", onediff_exporters=onediff_exporters), make_domain("fine"))
    assert list(host.domains()) == ["fine"]
    with pytest.raises(PluginLoadError, match="no exporters"):
        host.compare(*pictures, domain="broken")


def test_two_embedded_plugins_of_one_name_are_refused(make_host, make_domain):
    with pytest.raises(PluginConflictError, match="two of the plugins given are called 'toy'"):
        make_host(make_domain("toy"), make_domain("toy"))


# --- settings of models ---


class TalkerSettings(ModelSettings):
    section: ClassVar[str] = "talker"

    volume: int = 3
    ready: bool = True

    def why_not(self):
        return None if self.ready else "say talker.ready=true"


def talker(contexts=None, settings=TalkerSettings):
    def build(context):
        contexts.append(context)
        return Nothing()

    return model("talker", build=build, settings=settings)


def test_the_settings_of_a_model_reach_it_and_no_other(make_host, make_domain, pictures):
    contexts = []
    plugin = make_domain(
        onediff_models=lambda: [talker(contexts), model("plain", build=lambda c: contexts.append(c) or Nothing())]
    )
    host = make_host(plugin, settings={"talker.volume": 7})
    host.compare(*pictures, captioner="talker")
    host.compare(*pictures, captioner="plain")
    assert [context.model_settings for context in contexts] == [TalkerSettings(volume=7), None]
    assert host.model_settings("talker") == TalkerSettings(volume=7)
    assert host.model_settings("template") is None
    assert host.sections() == {"talker": TalkerSettings(volume=7)}


def test_a_model_whose_settings_say_why_not_is_not_available(make_host, make_domain):
    plugin = make_domain(spec={"describers": ("talker", "template")}, onediff_models=lambda: [talker([])])
    assert make_host(plugin).choose_model("toy", "describe").name == "talker"
    host = make_host(plugin, settings={"talker.ready": False})
    assert host.choose_model("toy", "describe").name == "template"
    with pytest.raises(PluginError, match=r"captioner 'talker' cannot be used here: say talker\.ready=true"):
        host.choose_model("toy", "describe", "talker")


def test_two_models_may_share_their_settings(make_host, make_domain):
    specs = [talker([]), model("loud", settings=TalkerSettings)]
    host = make_host(make_domain(onediff_models=lambda: specs), settings={"talker.volume": 9})
    assert host.model_settings("loud") == host.model_settings("talker") == TalkerSettings(volume=9)


class OtherSettings(ModelSettings):
    section: ClassVar[str] = "talker"


class ToySettings(ModelSettings):
    section: ClassVar[str] = "toy"


@pytest.mark.parametrize("cls", [OtherSettings, ToySettings])
def test_settings_in_a_section_that_somebody_else_has_break_the_later_plugin(make_host, make_domain, make_plugin, cls):
    first = make_domain(onediff_models=lambda: [talker([])])
    second = make_plugin("second", onediff_models=lambda: [model("other", settings=cls)])
    host = make_host(first, second)
    (broken,) = [info for info in host.plugins if info.status == "broken"]
    assert broken.name == "second"
    assert f"both have settings called '{cls.section}'" in str(broken.error)
    assert "other" not in host.models()
    assert "talker" in host.models()


def test_settings_of_another_kind_break_the_plugin(make_host, make_domain, make_plugin):
    class Wrong:
        section = "wrong"

    host = make_host(make_domain(), make_plugin("second", onediff_models=lambda: [model("other", settings=Wrong)]))
    (broken,) = [info for info in host.plugins if info.status == "broken"]
    assert "ModelSpec.settings of 'other' must derive from ModelSettings" in str(broken.error)
