"""The weights that ship: that they are whole, what they find in a shipped pair, and what is said of their terms."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from onediff_core import layout
from onediff_core.checkpoint import load_checkpoint
from onediff_core.training.card import CARD, MISSING, RELEASED_HEADS
from onediff_core.training.ship import check_size
from onediff_plugins import Host, models
from onediff_plugins.demo import pairs_file

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(layout.no_weights() is not None, reason="this checkout holds no weights")

FOLDER = layout.SHIPPED["research"]
VILLAGE = [str(pairs_file().parent / f"scene_{side}.tif") for side in ("before", "after")]
LICENCE = "LicenseRef-OneDiff-Research"


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been said yet."""
    models._tell.cache_clear()


def said_to_be_missing() -> str:
    """The line of the card that owns up to what is not there."""
    return next((line for line in (FOLDER / CARD).read_text().splitlines() if line.startswith(MISSING)), "")


def expected_words(domain: str) -> str:
    """Who captions a domain's pairs: the weights where the domain asks them first and they speak."""
    first = Host().domain(domain).describers[0]
    return FOLDER.name if first == "onediff" and layout.why_mute(FOLDER) is None else "template"


def test_they_load_with_their_heads_and_say_what_they_are() -> None:
    shipped = load_checkpoint()
    assert shipped.name == "onediff-tiny"
    assert shipped.terms.licence == LICENCE
    assert "non-commercial" in str(shipped.terms.notice)
    lacking = {name for name in RELEASED_HEADS if f"`{name}`" in said_to_be_missing()}
    assert set(shipped.heads) == set(RELEASED_HEADS) - lacking
    assert {"satellite.building", "satellite.change", "surveillance.object"} <= set(shipped.heads)


def test_they_speak_or_the_card_says_that_they_do_not() -> None:
    why_not = layout.why_mute(FOLDER)
    assert (why_not is not None) == ("a language model" in said_to_be_missing())
    if why_not is None:
        assert load_checkpoint(heads=()).processor is not None


def test_the_folder_has_its_papers_and_is_small_and_readable() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert {CARD, "LICENSE", "NOTICE"} <= {path.name for path in files}
    check_size(FOLDER)
    assert {path.stat().st_mode & 0o444 for path in files} == {0o444}


def test_the_folder_of_weights_does_not_hide_the_module_of_that_name() -> None:
    module = importlib.import_module("onediff_core.weights")
    assert isinstance(module, ModuleType)
    assert str(module.__file__).endswith("weights.py")


def test_a_building_of_the_shipped_village_is_found_and_the_record_says_by_what(
    schema_errors: Callable[[Any], list[str]],
) -> None:
    command = [sys.executable, "-m", "onediff_plugins", "compare", *VILLAGE, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    record = json.loads(done.stdout)  # and nothing else
    assert schema_errors(record) == []
    assert (record["detector"], record["caption_source"]) == ("onediff", expected_words("satellite"))
    made_by = record["provenance"]["models"]["detect"]
    assert (made_by["name"], made_by["licence"]) == ("onediff-tiny", LICENCE)
    assert tuple(made_by["heads"]) == Host().domain("satellite").heads
    assert "building" in {region["label"] for region in record["regions"]}
    assert done.stderr.count("non-commercial research") == 1


def test_the_terms_are_said_once_however_many_pairs_and_hosts(fresh_process: None, caplog: Any) -> None:
    for _ in range(2):
        host = Host()
        host.compare(*VILLAGE, domain="satellite")
        host.compare(*VILLAGE, domain="satellite", heads=("satellite.change",))
    assert sum("non-commercial" in entry.message for entry in caplog.records) == 1


def test_the_list_of_plugins_says_whether_they_speak(onediff: Callable[..., Any]) -> None:
    said = json.loads(onediff("plugins", "--json").out)["models"]["onediff"]
    mute = said.startswith("detect (not describe: onediff-tiny holds no language model")
    assert mute == (layout.why_mute(FOLDER) is not None), said
