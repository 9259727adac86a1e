"""OneDiff behind the host: what is chosen, loaded, shared and recorded."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import onediff_core
import onediff_core.plugin
import onediff_plugins
from onediff_core import HeadSpec, Host, hookimpl, layout
from onediff_core import building as building_module
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.errors import CheckpointError
from onediff_plugins import DomainSettings, DomainSpec, Frame, Wording, models
from onediff_plugins.errors import PluginError, SettingsError, UnknownNameError, UnsupportedSourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_plugins import ChangeResult

UNCHANGED = "Nothing is new."


class Toy:
    """A domain that prefers OneDiff, and contributes a head without weights."""

    heads: tuple[str, ...] = ()

    @hookimpl
    def onediff_domain(self) -> DomainSpec:
        return DomainSpec(
            name="toy",
            summary="squares",
            settings=DomainSettings,
            wording=Wording(unchanged=UNCHANGED),
            detectors=("onediff", "difference"),
            describers=("onediff", "template"),
            heads=self.heads,
        )

    @hookimpl
    def onediff_heads(self) -> list[HeadSpec]:
        return [HeadSpec(name="toy.mark", task="mask", classes=("mark",))]


class Other:
    @hookimpl
    def onediff_domain(self) -> DomainSpec:
        return DomainSpec(name="other", summary="more squares", settings=DomainSettings, detectors=("onediff",))


@pytest.fixture
def make_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Host]:
    """A host of the toy domain and OneDiff without shipped weights, called with some, further plugins and options."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(layout, "SHIPPED", {"research": tmp_path / "none"})

    def make(weights: Path | str | None, *plugins: object, **options: Any) -> Host:
        settings = {} if weights is None else {"weights": str(weights)}
        return Host([onediff_core.plugin, Toy(), *plugins], entry_points=False, settings=settings, **options)

    return make


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(before, after), grey, and the same with a white square at x 60..100, y 40..80."""
    noise = np.random.default_rng(0).normal(100, 4, (160, 200, 3))
    before = noise.round().clip(0, 255).astype(np.uint8)
    after = before.copy()
    after[40:80, 60:100] = 245
    return before, after


def told(result: ChangeResult) -> list[tuple[str, str]]:
    return [(region.kind, region.label) for region in result.regions]


def test_a_square_that_came_and_one_that_went_are_told_by_name(
    make_host: Callable[..., Host], tiny_onediff: Path, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    host, (before, after) = make_host(tiny_onediff), pictures
    came, went, same = (host.compare(*pair) for pair in ((before, after), (after, before), (before, before)))
    assert told(came) == [("added", "square")]
    assert told(went) == [("removed", "square")]
    assert (same.changed, same.caption) == (False, UNCHANGED)
    np.testing.assert_allclose(came.regions[0].bbox_after, (60, 40, 100, 80), atol=3)
    assert came.regions[0].caption.endswith(".")


def test_the_record_names_the_weights_and_not_the_plugin(
    make_host: Callable[..., Host], tiny_onediff: Path, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    result = make_host(tiny_onediff).compare(*pictures)
    detect, describe = result.provenance.models["detect"], result.provenance.models["describe"]
    assert (result.detector, result.caption_source) == ("onediff", "tiny")
    assert (detect.name, detect.licence, detect.heads) == ("tiny", "apache-2.0", ("any.changed", "any.square"))
    assert (describe.name, describe.licence, describe.heads) == ("tiny", "apache-2.0", ())
    assert detect.revision is not None
    assert detect.revision.startswith("sha256:")


def test_a_pair_without_a_verdict_asked_no_model_and_the_spec_speaks_for_itself(
    make_host: Callable[..., Host], tiny_onediff: Path, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    host, empty = make_host(tiny_onediff), np.full((160, 200, 3), np.nan, np.float32)
    host.compare(*pictures)
    result = host.compare(empty, empty)
    assert result.changed is None
    assert (result.detector, result.caption_source) == ("onediff", "onediff")


def test_both_roles_and_all_domains_of_a_host_share_one_base(
    make_host: Callable[..., Host],
    tiny_onediff: Path,
    pictures: tuple[np.ndarray, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = []
    ready = building_module._ready
    monkeypatch.setattr(building_module, "_ready", lambda *what: loaded.append(what) or ready(*what))
    host = make_host(tiny_onediff, Other())
    host.compare(*pictures, domain="toy")
    host.compare(*pictures, domain="toy", heads=("any.square",))
    host.compare(*pictures, domain="other")
    assert len(loaded) == 1
    make_host(tiny_onediff).compare(*pictures)
    assert len(loaded) == 2, "another host loads its own"


def test_threads_that_ask_at_once_share_one_base(
    make_host: Callable[..., Host], tiny_onediff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, both_are_here = [], threading.Barrier(2, timeout=30)
    ready = building_module._ready
    monkeypatch.setattr(building_module, "_ready", lambda *what: loaded.append(what) or time.sleep(0.2) or ready(*what))
    host = make_host(tiny_onediff)
    spec = host.model("onediff")

    def build() -> Any:
        both_are_here.wait()
        return spec.build(host.build_context(spec, "toy", ["any.square"]))

    with ThreadPoolExecutor(2) as threads:
        built = [asked.result() for asked in [threads.submit(build) for _ in range(2)]]
    assert len(loaded) == 1
    assert built[0]._checkpoint is built[1]._checkpoint


# --- which heads ------------------------------------------------------------------------------------------------


@pytest.fixture
def with_own_heads(tiny_onediff: Path, tmp_path: Path, save_onediff: Callable[..., Path]) -> Path:
    """A OneDiff with heads for the toy domain and for any."""
    mask = {"task": "mask", "classes": ("square",)}
    names = ("any.square", "toy.square", "toy.circle", "toyota.square")
    return save_onediff(tmp_path / "own", heads=[HeadSpec(name=name, **mask) for name in names])


def chosen(host: Host, *asked: str, domain: str = "toy") -> tuple[str, ...]:
    return host.choose_heads(host.model("onediff"), domain, asked)


def test_a_domains_own_heads_beside_the_weights_come_before_those_for_any(
    make_host: Callable[..., Host], with_own_heads: Path
) -> None:
    host = make_host(with_own_heads, Other())
    assert chosen(host) == ("toy.circle", "toy.square")
    assert chosen(host, domain="other") == ("any.square",)


def test_heads_that_are_asked_for_come_before_all_others(make_host: Callable[..., Host], with_own_heads: Path) -> None:
    folder = str(with_own_heads / "heads" / "any.square")
    assert chosen(make_host(with_own_heads), "any.square", folder) == ("any.square", folder)


def test_heads_that_the_domain_names_come_before_those_beside_the_weights(
    make_host: Callable[..., Host], with_own_heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "heads", ("toy.mark",))
    assert chosen(make_host(with_own_heads)) == ("toy.mark",)


def test_an_unknown_head_is_refused_with_all_there_are(make_host: Callable[..., Host], tiny_onediff: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown head 'any\.sqare'\. Did you mean 'any\.square'") as caught:
        chosen(make_host(tiny_onediff), "any.sqare")
    assert caught.value.choices == ["any.changed", "any.square", "toy.mark"]


def test_a_contributed_head_without_weights_is_refused_when_it_is_loaded(
    make_host: Callable[..., Host], tiny_onediff: Path, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(CheckpointError, match=r"no weights of the head 'toy\.mark': a plugin contributes it") as caught:
        make_host(tiny_onediff).compare(*pictures, heads=("toy.mark",))
    assert caught.value.plugin == "onediff_core.plugin"


def test_a_contributed_heads_meaning_reaches_the_weights_beside_the_base(
    make_host: Callable[..., Host], tmp_path: Path, save_onediff: Callable[..., Path], pictures: Any
) -> None:
    other = HeadSpec(name="toy.mark", task="mask", classes=("scratch",))
    weights = save_onediff(tmp_path / "scratches", heads=[other])
    with pytest.raises(CheckpointError, match=r"the head 'toy\.mark' declares .*'mark'.*train it again"):
        make_host(weights).compare(*pictures)


def test_without_a_mask_head_for_the_domain_the_heads_that_are_there_are_named(
    make_host: Callable[..., Host], tmp_path: Path, save_onediff: Callable[..., Path], pictures: Any
) -> None:
    weights = save_onediff(tmp_path / "sky", heads=[HeadSpec(name="sky.cloud", task="mask", classes=("cloud",))])
    with pytest.raises(CheckpointError, match=r"heads loaded are: none\. Beside sky lie sky\.cloud \(mask\): .*--head"):
        make_host(weights).compare(*pictures)


# --- weights and devices ----------------------------------------------------------------------------------------


def sees_only(tiny_onediff: Path, folder: Path, **papers: str) -> Path:
    """The same OneDiff without its language model."""
    stored = load_checkpoint(tiny_onediff)
    return save_checkpoint(folder, stored.base, stored.image_processor, stored.heads.values(), papers=papers)


def test_weights_without_a_language_model_detect_and_leave_the_words_to_the_next_captioner(
    make_host: Callable[..., Host], tiny_onediff: Path, tmp_path: Path, pictures: Any
) -> None:
    host = make_host(sees_only(tiny_onediff, tmp_path / "sees"))
    result = host.compare(*pictures)
    assert (result.detector, result.caption_source) == ("onediff", "template")
    assert told(result) == [("added", "square")]
    with pytest.raises(PluginError, match=r"captioner 'onediff' cannot be used here: sees holds no language model"):
        host.compare(*pictures, captioner="onediff")


def test_what_a_card_wants_to_be_read_is_logged_once_in_a_process(
    make_host: Callable[..., Host], tiny_onediff: Path, tmp_path: Path, pictures: Any, caplog: pytest.LogCaptureFixture
) -> None:
    models._tell.cache_clear()
    front = "---\nlicense: other\nlicense_name: LicenseRef-Mine\nlicense_notice: For research.\n---\n"
    weights = sees_only(tiny_onediff, tmp_path / "sees", **{"MODEL_CARD.md": front})
    for _ in range(2):
        host = make_host(weights, Other())
        result = host.compare(*pictures, domain="toy")
        host.compare(*pictures, domain="other")
    assert [entry.message for entry in caplog.records] == ["For research."]
    assert result.provenance.models["detect"].licence == "LicenseRef-Mine"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gsd_m": 10.0}, "10 m a pixel"),
        ({"bands": ("nir", "red", "swir16")}, "no green and no blue"),
    ],
)
def test_a_pair_that_no_head_can_see_goes_to_the_domains_next_detector(
    make_host: Callable[..., Host],
    tmp_path: Path,
    save_onediff: Callable[..., Path],
    pictures: tuple[np.ndarray, np.ndarray],
    changes: dict[str, Any],
    why: str,
) -> None:
    fine = HeadSpec(name="any.square", task="mask", classes=("square",), gsd_range_m=(0.4, 1.2))
    host = make_host(save_onediff(tmp_path / "fine", heads=[fine]))
    values: dict[str, Any] = {"bands": ("red", "green", "blue"), **changes}
    valid = np.ones(pictures[0].shape[:2], np.bool_)
    pair = [Frame(pixels=picture.transpose(2, 0, 1), valid=valid, **values) for picture in pictures]
    assert host.compare(*pair, captioner="template").detector == "difference"
    for asked in ({"detector": "onediff"}, {"heads": ("any.square",)}):
        with pytest.raises(UnsupportedSourceError, match=why):
            host.compare(*pair, captioner="template", **asked)


def test_without_weights_the_domains_next_models_answer_and_say_so(
    make_host: Callable[..., Host], pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    result = make_host(None).compare(*pictures)
    assert (result.detector, result.caption_source) == ("difference", "template")


def test_shipped_weights_without_a_head_for_the_domain_leave_it_to_the_next_detector(
    make_host: Callable[..., Host], tmp_path: Path, save_onediff: Callable[..., Path], pictures: Any, monkeypatch: Any
) -> None:
    weights = save_onediff(tmp_path / "sky", heads=[HeadSpec(name="sky.cloud", task="mask", classes=("cloud",))])
    host = make_host(None)
    monkeypatch.setattr(layout, "SHIPPED", {"research": weights})
    assert host.compare(*pictures, captioner="template").detector == "difference"


def test_asked_for_by_name_without_weights_it_says_how_to_name_some(
    make_host: Callable[..., Host], pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(
        PluginError, match=r"'onediff' cannot be used here: the weights 'research' do not ship .*--set weights="
    ):
        make_host(None).compare(*pictures, detector="onediff")


def test_weights_that_are_not_there_are_refused_before_a_pair_is_read(
    make_host: Callable[..., Host], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="there is no folder"):
        make_host(tmp_path / "nowhere").compare("no-such.png", "no-such.png")


def test_a_device_that_is_not_there_is_refused_before_weights_are_loaded(
    make_host: Callable[..., Host], tiny_onediff: Path, tmp_path: Path, pictures: Any
) -> None:
    weights = shutil.copytree(tiny_onediff, tmp_path / "copy")
    (weights / "model.safetensors").unlink()
    with pytest.raises(SettingsError, match=r"the device 'cuda:99' is not there .*Here are cpu"):
        make_host(weights, device="cuda:99").compare(*pictures)


def test_a_base_that_is_stored_in_halves_runs_in_float32_on_a_cpu_and_keeps_its_heads(
    make_host: Callable[..., Host], tiny_onediff: Path, tmp_path: Path, pictures: Any
) -> None:
    stored = load_checkpoint(tiny_onediff, heads=())
    assert stored.processor is not None
    stored.model.bfloat16()
    heads = load_checkpoint(tiny_onediff).heads.values()
    halves = save_checkpoint(tmp_path / "halves", stored.model, stored.processor, heads)
    host = make_host(halves)
    assert told(host.compare(*pictures)) == [("added", "square")]
    context = host.build_context(host.model("onediff"), "toy", ("any.square",))
    built = host.model("onediff").build(context)
    assert {weight.dtype for weight in built._checkpoint.model.parameters()} == {torch.float32}


# --- the package ------------------------------------------------------------------------------------------------


def test_the_hook_api_is_here_too() -> None:
    names = ("hookimpl", "Host", "DomainSpec", "ModelSpec", "HeadSpec", "ExporterSpec", "ExecutorSpec", "BuildContext")
    assert all(getattr(onediff_core, name) is getattr(onediff_plugins, name) for name in names)
