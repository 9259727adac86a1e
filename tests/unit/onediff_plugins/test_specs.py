"""Records of plugins check themselves; a message names the owner and the fix."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.errors import PluginContractError
from onediff_plugins.hookspecs import API_VERSION
from onediff_plugins.settings import DomainSettings
from onediff_plugins.specs import (
    Describer,
    Detector,
    DomainSpec,
    ExecutorSpec,
    ExporterSpec,
    HeadSpec,
    ModelSpec,
    Wording,
)

if TYPE_CHECKING:
    from pathlib import Path


def domain(**changes: Any) -> DomainSpec:
    return DomainSpec(**{"name": "ui", "summary": "screens", "settings": DomainSettings, **changes})


def model(**changes: Any) -> ModelSpec:
    return ModelSpec(**{"name": "m", "roles": {"detect"}, "build": lambda ctx: None, **changes})


def head(**changes: Any) -> HeadSpec:
    return HeadSpec(**{"name": "satellite.building", "task": "mask", "classes": ("new", "gone"), **changes})


def exporter(**changes: Any) -> ExporterSpec:
    return ExporterSpec(**{"name": "pdf", "suffixes": (".pdf",), "write": lambda results, out: {}, **changes})


def executor(**changes: Any) -> ExecutorSpec:
    return ExecutorSpec(**{"name": "dask", "run": lambda fn, items, workers: iter(()), **changes})


MAKERS = [domain, model, head, exporter, executor]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", ["ui", "ir-mad", "satellite.building", "a_1"])
def test_names_are_lower_case_words(make: Any, name: str) -> None:
    assert make(name=name).name == name


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", ["", "UI", "1st", "-x", "a b", "a/b", "a\n", None, 3])
def test_other_names_are_refused_with_the_pattern(make: Any, name: object) -> None:
    with pytest.raises(PluginContractError) as caught:
        make(name=name)
    message = str(caught.value)
    assert repr(name) in message
    assert "^[a-z][a-z0-9_.-]*$" in message
    assert type(make()).__name__ in message


@pytest.mark.parametrize("make", MAKERS)
def test_specs_are_frozen(make: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().name = "other"


@pytest.mark.parametrize("make", MAKERS)
def test_specs_are_keyword_only(make: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        type(make())("name")


# (maker, what is wrong with it, what the message must say)
BROKEN: list[tuple[Any, dict[str, Any], list[str]]] = [
    (domain, {"settings": DomainSettings()}, ["DomainSpec 'ui'", "DomainSettings class"]),
    (domain, {"wording": {}}, ["DomainSpec 'ui'", "must be a Wording", "dict"]),
    (domain, {"kinds": ("added", "vanished")}, ["DomainSpec 'ui'", "vanished", "added, removed, changed, moved"]),
    (domain, {"verdict_kinds": ("shifted",)}, ["DomainSpec 'ui'", "shifted", "added, removed, changed, moved"]),
    (domain, {"sniff": 0.5}, ["DomainSpec 'ui'", "sniff must be callable", "float"]),
    (domain, {"detectors": ()}, ["DomainSpec 'ui'", "at least one detector"]),
    (domain, {"describers": ()}, ["DomainSpec 'ui'", "one describer"]),
    (domain, {"detectors": ("Best!",)}, ["DomainSpec 'ui'", "'Best!'"]),
    (domain, {"describers": ("A",)}, ["DomainSpec 'ui'", "'A'"]),
    (domain, {"heads": ("A B",)}, ["DomainSpec 'ui'", "'A B'"]),
    (model, {"roles": ()}, ["ModelSpec 'm'", "non-empty part of ['describe', 'detect']"]),
    (model, {"roles": {"detect", "paint"}}, ["ModelSpec 'm'", "paint", "['describe', 'detect']"]),
    (model, {"build": "here"}, ["ModelSpec 'm'", "build must be callable", "str"]),
    (model, {"available": None}, ["ModelSpec 'm'", "available must be callable", "NoneType"]),
    (model, {"settings": "mine"}, ["ModelSpec 'm'", "settings must be a ModelSettings class", "'mine'"]),
    (model, {"settings": dict}, ["ModelSpec 'm'", "section of settings", "None"]),
    (head, {"task": "words"}, ["HeadSpec 'satellite.building'", "'words'", "'mask', 'region' or 'pair'"]),
    (head, {"classes": ()}, ["HeadSpec 'satellite.building'", "at least one class"]),
    (head, {"classes": "building"}, ["HeadSpec 'satellite.building'", "a tuple of names, got 'building'"]),
    (head, {"classes": ("new", "new")}, ["HeadSpec 'satellite.building'", "each once"]),
    (head, {"task": "pair"}, ["HeadSpec 'satellite.building'", "one class, got ['new', 'gone']"]),
    (head, {"gsd_range_m": (2, 0.5)}, ["HeadSpec 'satellite.building'", "from a length to a greater", "(2.0, 0.5)"]),
    (head, {"kinds": {"other": "added"}}, ["HeadSpec 'satellite.building'", "does not have", "other"]),
    (head, {"kinds": {"new": "born"}}, ["HeadSpec 'satellite.building'", "born", "added, removed, changed, moved"]),
    (exporter, {"suffixes": ("pdf",)}, ["ExporterSpec 'pdf'", "start with a dot", "['pdf']"]),
    (exporter, {"write": None}, ["ExporterSpec 'pdf'", "write must be callable", "NoneType"]),
    (executor, {"run": 3}, ["ExecutorSpec 'dask'", "run must be callable", "int"]),
]


@pytest.mark.parametrize(
    ("make", "changes", "says"), BROKEN, ids=[f"{m.__name__}-{next(iter(c))}" for m, c, _ in BROKEN]
)
def test_a_broken_record_names_its_owner_and_the_fix(make: Any, changes: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(PluginContractError) as caught:
        make(**changes)
    for part in says:
        assert part in str(caught.value)


def test_wording_refuses_other_places_units_and_kinds() -> None:
    verbs = dict(Wording().verbs)
    with pytest.raises(PluginContractError, match="'clock'"):
        Wording(place="clock")  # type: ignore[arg-type]
    with pytest.raises(PluginContractError, match="'ft'"):
        Wording(unit="ft")  # type: ignore[arg-type]
    with pytest.raises(PluginContractError, match=r"Wording\.verbs.*grown"):
        Wording(verbs={**verbs, "grown": ("grew", "grew")})
    with pytest.raises(PluginContractError, match=r"no words for \['moved'\]"):
        Wording(verbs={kind: words for kind, words in verbs.items() if kind != "moved"})


def test_a_domain_with_defaults_uses_the_built_in_models() -> None:
    spec = domain()
    assert spec.detectors == ("difference",)
    assert spec.describers == ("template",)
    assert spec.verdict_kinds == ("added", "removed", "changed", "moved")
    assert spec.api == API_VERSION


def test_roles_may_be_any_iterable_and_become_a_frozenset() -> None:
    assert model(roles=["detect", "describe", "detect"]).roles == frozenset({"detect", "describe"})


def test_a_model_is_available_unless_it_says_why_not() -> None:
    assert model().available() is None


def test_a_heads_kinds_cannot_be_changed_from_outside() -> None:
    given = {"new": "added"}
    spec = head(kinds=given)
    given["gone"] = "removed"
    assert dict(spec.kinds) == {"new": "added"}
    with pytest.raises(TypeError):
        spec.kinds["gone"] = "removed"  # type: ignore[index]


def test_the_protocols_recognise_a_detector_and_a_describer() -> None:
    class Both:
        def detect(self, pairs: Any, overviews: Any, settings: Any) -> list[Any]:
            return []

        def describe(self, pairs: Any, regions: Any, prompts: Any) -> list[Any]:
            return []

    assert isinstance(Both(), Detector)
    assert isinstance(Both(), Describer)
    assert not isinstance(object(), Detector | Describer)


def test_named_weights_take_the_place_of_those_that_a_model_lacks() -> None:
    lacking = model(available=lambda: "no weights", takes_weights=True)
    assert lacking.why_not(None) == "no weights"
    assert lacking.why_not("somewhere") is None
    mute = model(lacks=lambda role, weights: f"{weights} cannot {role}" if role == "describe" else None)
    assert mute.why_not(None, "detect") is None
    assert mute.why_not("ignored", "describe") == "None cannot describe"
    assert model(available=lambda: "no weights").why_not("somewhere") == "no weights"


def test_the_heads_of_a_model_are_asked_for_with_its_weights() -> None:
    assert model().held_heads(None) == ()
    with pytest.raises(PluginContractError, match="held_heads must be callable, got list"):
        model(held_heads=[])


def test_a_model_that_does_not_read_the_heads_in_folders_knows_nothing_of_them(tmp_path: Path) -> None:
    assert model().head_in(tmp_path) is None
    with pytest.raises(PluginContractError, match="head_in must be callable, got str"):
        model(head_in="roof")
