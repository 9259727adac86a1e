"""Settings: arguments > environment > file > defaults, and a message that says whose value was wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, ValidationError

from onediff_plugins.errors import SettingsError
from onediff_plugins.settings import (
    RESERVED_ENV,
    DomainSettings,
    ModelSettings,
    Settings,
    parse_assignments,
    resolve_settings,
    settings_digest,
)

if TYPE_CHECKING:
    from pathlib import Path


class UiSettings(DomainSettings):
    min_block: int = Field(default=8, gt=0)
    palette: str = "srgb"


class SatelliteSettings(DomainSettings):
    bands: tuple[str, ...] = ("red", "green", "blue")


CLASSES: dict[str, type[DomainSettings]] = {"ui": UiSettings, "satellite": SatelliteSettings}


def resolve(tmp_path: Path, arguments: Any = None, environ: Any = None, file: str | None = None) -> dict[str, Any]:
    path = tmp_path / "onediff.toml"
    if file is not None:
        path.write_text(file, encoding="utf-8")
    return resolve_settings(CLASSES, arguments, environ=environ or {}, config_file=path)


def test_without_any_layer_everything_is_the_default(tmp_path: Path) -> None:
    resolved = resolve(tmp_path)
    assert resolved == {"ui": UiSettings(), "satellite": SatelliteSettings()}
    assert resolved["ui"].threshold == 0.5


LAYERS: dict[str, dict[str, Any]] = {
    "file": {"file": "threshold = {value}"},
    "environment": {"environ": {"ONEDIFF_THRESHOLD": "{value}"}},
    "arguments": {"arguments": {"threshold": "{value}"}},
}


def layer(name: str, key: str, value: float) -> dict[str, Any]:
    if name == "file":
        return {"file": f"{key} = {value}"}
    if name == "environment":
        return {"environ": {"ONEDIFF_" + key.upper().replace(".", "__"): str(value)}}
    return {"arguments": {key: value}}


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_sets_a_value_for_every_domain_that_has_it(tmp_path: Path, name: str) -> None:
    resolved = resolve(tmp_path, **layer(name, "threshold", 0.3))
    assert (resolved["ui"].threshold, resolved["satellite"].threshold) == (0.3, 0.3)


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_can_address_one_domain(tmp_path: Path, name: str) -> None:
    resolved = resolve(tmp_path, **layer(name, "ui.threshold", 0.3))
    assert (resolved["ui"].threshold, resolved["satellite"].threshold) == (0.3, 0.5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_setting_of_one_domain_alone_needs_no_prefix(tmp_path: Path, name: str) -> None:
    resolved = resolve(tmp_path, **layer(name, "min_block", 12))
    assert resolved["ui"].min_block == 12
    assert resolved["satellite"] == SatelliteSettings()


@pytest.mark.parametrize(("weaker", "stronger"), [("file", "environment"), ("environment", "arguments")])
def test_the_stronger_layer_wins(tmp_path: Path, weaker: str, stronger: str) -> None:
    both = layer(weaker, "threshold", 0.2) | layer(stronger, "threshold", 0.8)
    assert resolve(tmp_path, **both)["ui"].threshold == 0.8


@pytest.mark.parametrize(("weaker", "stronger"), [("file", "environment"), ("environment", "arguments")])
def test_a_stronger_layers_global_beats_a_weaker_layers_domain(tmp_path: Path, weaker: str, stronger: str) -> None:
    both = layer(weaker, "ui.threshold", 0.2) | layer(stronger, "threshold", 0.8)
    assert resolve(tmp_path, **both)["ui"].threshold == 0.8


def test_within_a_layer_the_domain_beats_the_global(tmp_path: Path) -> None:
    # In either order of writing, since a file or a command line may have any.
    for arguments in (
        {"threshold": 0.8, "ui.threshold": 0.2},
        {"ui.threshold": 0.2, "threshold": 0.8},
    ):
        resolved = resolve(tmp_path, arguments)
        assert (resolved["ui"].threshold, resolved["satellite"].threshold) == (0.2, 0.8)
    resolved = resolve(tmp_path, environ={"ONEDIFF_UI__THRESHOLD": "0.2", "ONEDIFF_THRESHOLD": "0.8"})
    assert (resolved["ui"].threshold, resolved["satellite"].threshold) == (0.2, 0.8)
    resolved = resolve(tmp_path, file="threshold = 0.8\n[ui]\nthreshold = 0.2\n")
    assert (resolved["ui"].threshold, resolved["satellite"].threshold) == (0.2, 0.8)


def test_each_setting_is_decided_on_its_own(tmp_path: Path) -> None:
    resolved = resolve(
        tmp_path,
        {"ui.min_block": 3},
        {"ONEDIFF_MIN_VALID": "0.5", "ONEDIFF_UI__MIN_BLOCK": "4"},
        "threshold = 0.3\nmin_valid = 0.1\n[ui]\nmin_block = 5\n",
    )
    assert resolved["ui"] == UiSettings(threshold=0.3, min_valid=0.5, min_block=3)


def test_variables_that_are_not_ours_and_those_of_the_host_are_no_settings(tmp_path: Path) -> None:
    environ = dict.fromkeys([*RESERVED_ENV, "PATH", "XONEDIFF_THRESHOLD"], "1")
    assert resolve(tmp_path, environ=environ) == resolve(tmp_path)


def test_the_variable_that_names_the_test_data_is_no_setting(tmp_path: Path) -> None:
    assert resolve(tmp_path, environ={"ONEDIFF_DATA": "/data"}) == resolve(tmp_path)


def test_the_process_environment_and_the_current_folder_are_read_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onediff.toml").write_text("threshold = 0.25\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONEDIFF_MIN_VALID", "0.75")
    ui = resolve_settings(CLASSES)["ui"]
    assert (ui.threshold, ui.min_valid) == (0.25, 0.75)


def test_settings_made_in_code_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRESHOLD", "0.9")
    monkeypatch.setenv("ONEDIFF_THRESHOLD", "0.9")
    assert DomainSettings().threshold == 0.5


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("treshold", ["unknown setting 'treshold'", "Did you mean 'threshold'?"]),
        ("ui.min_blok", ["unknown setting 'ui.min_blok'", "Did you mean 'min_block'?", "palette"]),
        ("satelite.threshold", ["'satelite' in 'satelite.threshold' is no installed domain", "'satellite'?"]),
        ("ui.bands", ["unknown setting 'ui.bands'", "Known: "]),
    ],
)
def test_an_unknown_key_names_its_layer_and_the_near_miss(tmp_path: Path, name: str, key: str, says: list[str]) -> None:
    given_layer = layer(name, key, 1)
    if name == "file" and "." in key:
        domain, field = key.split(".")
        given_layer = {"file": f"[{domain}]\n{field} = 1\n"}
    with pytest.raises(SettingsError) as caught:
        resolve(tmp_path, **given_layer)
    message = str(caught.value)
    for part in says:
        assert part in message
    assert (str(tmp_path / "onediff.toml") if name == "file" else name) in message


def test_a_key_that_looks_like_nothing_still_lists_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'zzzz' \(from arguments\)\. Known: .*threshold"):
        resolve(tmp_path, {"zzzz": 1})


@pytest.mark.parametrize("name", LAYERS)
def test_a_value_that_is_not_allowed_names_domain_setting_value_and_layer(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(tmp_path, **layer(name, "ui.threshold", 7))
    message = str(caught.value)
    assert "ui.threshold = 7" in message
    assert "less than or equal to 1" in message
    assert (str(tmp_path / "onediff.toml") if name == "file" else name) in message


def test_a_file_that_is_no_toml_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"onediff\.toml: cannot be read as TOML"):
        resolve(tmp_path, file="threshold: 0.5\n")


def test_a_file_that_is_no_text_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "onediff.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"onediff\.toml: cannot be read as TOML"):
        resolve(tmp_path)


def test_words_of_the_command_line_are_json_where_they_parse_as_json() -> None:
    assert parse_assignments(["threshold=0.4", "ui.count_moved=true", "palette=lab", 'bands=["nir"]', "a=b=c"]) == {
        "threshold": 0.4,
        "ui.count_moved": True,
        "palette": "lab",
        "bands": ["nir"],
        "a": "b=c",
    }


@pytest.mark.parametrize("word", ["threshold", "", "=0.5", "  =1"])
def test_a_word_without_key_and_value_shows_how_it_is_written(word: str) -> None:
    with pytest.raises(SettingsError, match=r"is not KEY=VALUE, such as --set threshold=0\.4"):
        parse_assignments([word])


def test_a_text_setting_may_look_like_a_number(tmp_path: Path) -> None:
    assert resolve(tmp_path, parse_assignments(["palette=2020"]))["ui"].palette == "2020"


def test_settings_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DomainSettings().threshold = 0.1
    with pytest.raises(ValidationError, match="Extra inputs"):
        DomainSettings(treshold=0.1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "values",
    [
        {"threshold": 0},
        {"threshold": 1.01},
        {"threshold": float("nan")},
        {"min_valid": -0.1},
        {"min_overlap": 1.1},
        {"max_pixels": 0},
        {"count_moved": "perhaps"},
    ],
)
def test_common_settings_have_their_range(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DomainSettings(**values)


def test_a_derived_class_keeps_the_rules() -> None:
    class Loose(DomainSettings):
        model_config = ConfigDict(title="loose")

    with pytest.raises(ValidationError, match="Extra inputs"):
        Loose(nothing=1)  # type: ignore[call-arg]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_digest_does_not_depend_on_order_and_survives_json(values: dict[str, Any]) -> None:
    digest = settings_digest(values)
    assert len(digest) == 16
    assert set(digest) <= set("0123456789abcdef")
    assert settings_digest(dict(reversed(values.items()))) == digest
    assert settings_digest(json.loads(json.dumps(values))) == digest


def test_the_digest_is_the_same_on_every_machine_and_release() -> None:
    # Written down: a digest that drifts would make every --resume refuse.
    assert settings_digest({"threshold": 0.5, "ui": {"a": [1, None, "ü"]}}) == "013de94c3ba5c175"
    assert settings_digest({}) == "44136fa355b3678a"


def test_the_digest_tells_settings_apart() -> None:
    digests = {settings_digest(DomainSettings(threshold=value).model_dump()) for value in (0.1, 0.2, 0.3)}
    assert len(digests) == 3


# --- settings of models ---


class TalkerSettings(ModelSettings):
    section: ClassVar[str] = "talker"

    threshold: float = Field(default=0.1, ge=0)
    address: str = Field(default="here", pattern="^[a-z]*$", repr=False)


def resolve_models(tmp_path: Path, arguments: Any = None, environ: Any = None) -> dict[str, Any]:
    classes: dict[str, type[Settings]] = {**CLASSES, "talker": TalkerSettings}
    return resolve_settings(classes, arguments, environ=environ or {}, config_file=tmp_path / "onediff.toml")


def test_a_models_settings_are_named_with_their_section_in_every_layer(tmp_path: Path) -> None:
    (tmp_path / "onediff.toml").write_text('[talker]\nthreshold = 0.2\naddress = "file"\n', encoding="utf-8")
    assert resolve_models(tmp_path)["talker"] == TalkerSettings(threshold=0.2, address="file")
    environ = {"ONEDIFF_TALKER__THRESHOLD": "0.3"}
    assert resolve_models(tmp_path, environ=environ)["talker"].threshold == 0.3
    assert resolve_models(tmp_path, {"talker.threshold": 0.4}, environ)["talker"].threshold == 0.4


def test_a_bare_name_is_for_domains_alone(tmp_path: Path) -> None:
    resolved = resolve_models(tmp_path, {"threshold": 0.9})
    assert (resolved["ui"].threshold, resolved["talker"].threshold) == (0.9, 0.1)
    with pytest.raises(SettingsError, match=r"unknown setting 'address' .* Did you mean 'talker\.address'\?"):
        resolve_models(tmp_path, {"address": "there"})


def test_a_value_that_is_not_to_be_shown_is_not_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^talker\.address \(from arguments\): ") as error:
        resolve_models(tmp_path, {"talker.address": "HUNTER2"})
    assert "HUNTER2" not in f"{error.value}{error.value.__cause__}{TalkerSettings(address='hunter')!r}"


def test_keys_in_the_environment_are_no_settings_whosever_they_are(tmp_path: Path) -> None:
    environ = {"ONEDIFF_TALKER_API_KEY": "hunter2", "ONEDIFF_ANYTHING_API_KEY": "hunter2"}
    assert resolve_models(tmp_path, environ=environ) == resolve_models(tmp_path)


def test_the_package_that_brings_a_section_is_named_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"'vlm' in 'vlm\.endpoint' is no installed domain; `pip install onediff-vlm`"
    ):
        resolve(tmp_path, {"vlm.endpoint": "http://127.0.0.1/v1"})
