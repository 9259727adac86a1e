"""Settings: arguments > `ONEDIFF_*` variables > `onediff.toml` > defaults.

A domain's settings are one flat pydantic model. Every layer may name a setting for all domains (`threshold`) or for
one (`ui.threshold`, `ONEDIFF_UI__THRESHOLD`, a `[ui]` table); within a layer the one for a single domain wins.
A model may have settings of its own, in a section of their own (`vlm.timeout_s`); they are always named with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onediff_plugins.errors import BROUGHT_BY, SettingsError, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG_FILE: Final = "onediff.toml"
ENV_PREFIX: Final = "ONEDIFF_"
# Variables that steer the host, and the one that tells tests and benchmarks where real data lie: no settings.
RESERVED_ENV: Final = ("ONEDIFF_LOAD_PLUGINS", "ONEDIFF_DISABLE_PLUGINS", "ONEDIFF_TRACE_PLUGINS", "ONEDIFF_DATA")
# Variables that end so hold credentials. They are never settings, which are recorded and shown.
SECRET_ENV: Final = "_API_KEY"


class Settings(BaseModel):
    """Base of all settings.

    Built from arguments alone: variables and files are read by `resolve_settings`, so that a settings object made in
    code never depends on the machine. A field with `repr=False` is not shown in messages about its value.
    """

    # Errors go without the input: it may be a field that is not to be shown.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)


class DomainSettings(Settings):
    """What every domain can be told; a plugin's settings derive from it."""

    threshold: float = Field(default=0.5, gt=0, le=1, description="score from which a place counts as changed")
    min_valid: float = Field(
        default=0.05, ge=0, le=1, description="share of the pair that must be comparable for a verdict"
    )
    min_overlap: float = Field(
        default=0.05, ge=0, le=1, description="share of the after image that the before image must cover"
    )
    max_pixels: int = Field(
        default=180_000_000, gt=0, description="largest image that is decoded whole; rasters read by window have none"
    )
    count_moved: bool = Field(default=False, description="let moved regions make a pair changed")
    weights: str | None = Field(
        default=None,
        min_length=1,
        description="the model's weights: research (for non-commercial research) or open, which ship, or a folder or "
        "hub id; research unless named",
    )
    accurate: bool = Field(
        default=False, description="let the network look at each place several times: slower, a little more right"
    )


class ModelSettings(Settings):
    """What a model can be told, whatever the domain; named by `ModelSpec.settings`.

    Attributes:
        section: the word before the dot, as in `--set vlm.timeout_s=30`. No domain has that name.
    """

    section: ClassVar[str]

    def why_not(self) -> str | None:
        """What must be set before the model can be used, or None."""
        return None


S = TypeVar("S", bound=Settings)


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """`KEY=VALUE` words of the command line as a mapping; values are JSON where they parse as JSON, else text.

    Args:
        assignments: such as "threshold=0.4", "ui.count_moved=true".

    Raises:
        SettingsError: a word without "=".
    """
    parsed: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"--set {assignment!r} is not KEY=VALUE, such as --set threshold=0.4")
        parsed[key.strip()] = _json_or_text(value)
    return parsed


def _json_or_text(value: str) -> Any:  # noqa: ANN401  # JSON
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _env_layer(environ: Mapping[str, str]) -> dict[str, Any]:
    layer = {}
    for variable, value in environ.items():
        reserved = variable in RESERVED_ENV or variable.endswith(SECRET_ENV)
        if variable.startswith(ENV_PREFIX) and not reserved:
            layer[variable.removeprefix(ENV_PREFIX).lower().replace("__", ".")] = _json_or_text(value)
    return layer


def _file_layer(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(f"{path}: cannot be read as TOML: {exc}") from exc
    layer: dict[str, Any] = {}
    for key, value in tables.items():
        if isinstance(value, dict):
            layer.update({f"{key}.{inner}": item for inner, item in value.items()})
        else:
            layer[key] = value
    return layer


def resolve_settings(
    classes: Mapping[str, type[S]],
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> dict[str, S]:
    """Everybody's settings from all layers.

    Args:
        classes: domain name -> settings class, for all installed domains, and section -> settings class of models.
        arguments: the strongest layer, keys "setting" (every domain that has it), "domain.setting" or
            "section.setting".
        environ: defaults to the process's environment.
        config_file: defaults to `onediff.toml` in the current folder; a missing file is an empty layer.

    Returns:
        The same names -> settings.

    Raises:
        SettingsError: a key that nobody has (with the near miss), or a value that is not allowed; the message says
            which layer it came from.
    """
    path = config_file or Path(CONFIG_FILE)
    layers = (
        (str(path), _file_layer(path)),
        ("environment", _env_layer(os.environ if environ is None else environ)),
        ("arguments", dict(arguments or {})),
    )
    values: dict[str, dict[str, Any]] = {name: {} for name in classes}
    origin: dict[tuple[str, str], str] = {}
    domains = _domains(classes)
    for layer_name, layer in layers:
        # Settings for all domains first, so that those for one domain win within the layer.
        for key, value in sorted(layer.items(), key=lambda item: "." in item[0]):
            domain, dot, field = key.rpartition(".")
            targets = [domain] if dot else [name for name, cls in domains.items() if field in cls.model_fields]
            if not targets or any(t not in classes or field not in classes[t].model_fields for t in targets):
                raise _unknown(key, layer_name, classes)
            for target in targets:
                values[target][field] = value
                origin[target, field] = layer_name
    return {name: _validate(name, cls, values[name], origin) for name, cls in classes.items()}


def _domains(classes: Mapping[str, type[Settings]]) -> dict[str, type[Settings]]:
    return {name: cls for name, cls in classes.items() if not issubclass(cls, ModelSettings)}


def _validate(name: str, cls: type[S], values: dict[str, Any], origin: Mapping[tuple[str, str], str]) -> S:
    try:
        return cls(**values)
    except ValidationError as exc:
        error = exc.errors()[0]
        field = str(error["loc"][0]) if error["loc"] else ""
        where = origin.get((name, field), "defaults")
        shown = f" = {values.get(field)!r}" if field in cls.model_fields and cls.model_fields[field].repr else ""
        raise SettingsError(
            f"{name}.{field}{shown} (from {where}): {error['msg'].removeprefix('Value error, ')}"
        ) from exc


def _unknown(key: str, layer: str, classes: Mapping[str, type[Settings]]) -> SettingsError:
    domain, dot, field = key.rpartition(".")
    if dot and domain not in classes:
        known: list[str] = sorted(classes)
        guess = near_miss(domain, known)
        what = f"{domain!r} in {key!r} is no installed domain"
        if domain in BROUGHT_BY:
            what += f"; `pip install {BROUGHT_BY[domain]}` brings it"
    else:
        pool = [classes[domain]] if dot else list(_domains(classes).values())
        known = sorted({name for cls in pool for name in cls.model_fields})
        sections = [name for name, cls in classes.items() if issubclass(cls, ModelSettings)]
        own = [f"{name}.{field}" for name in sections if not dot and field in classes[name].model_fields]
        guess = own[0] if own else near_miss(field, known)
        what = f"unknown setting {key!r}"
    hint = f" Did you mean {guess!r}?" if guess else ""
    return SettingsError(f"{what} (from {layer}).{hint} Known: {', '.join(known)}.")


def settings_digest(values: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
