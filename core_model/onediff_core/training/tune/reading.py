"""A recipe from its file: what is wrong with it is named, with its place and the nearest word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from onediff_core.errors import TrainingError
from onediff_core.training.tune.recipe import KINDS, Aim, Cost, Lora, Parts, Recipe, TuneStage
from onediff_plugins.errors import near_miss

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

_FIELDS: Final[dict[Any, type[BaseModel]]] = {
    "model": Parts, "stages": TuneStage, "lora": Lora, "costs": Cost, "aims": Aim
}  # fmt: skip


def read_recipe(path: Path, changes: dict[str, Any] | None = None) -> Recipe:
    """A recipe from a file.

    Args:
        path: YAML.
        changes: dotted keys to set on top of the file, such as `{"model.text": "/models/x", "stages.cst.steps": 20}`;
            stages go by name.

    Raises:
        TrainingError: no such file, no YAML, or a field that is unknown (with the nearest one), missing or of a value
            that is not allowed; all are named.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"the recipe {path} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"the recipe {path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise TrainingError(f"the recipe {path} holds {type(content).__name__}, not name, model and stages")
    for key, value in (changes or {}).items():
        _change(content, key, value)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise TrainingError(f"{path}: " + "; ".join(map(_said, _innermost(error.errors())))) from error


def _innermost(errors: Sequence[Any]) -> list[Any]:
    """Without those of a whole of which a part is wrong, such as a list that is empty since its only entry is."""
    ways = [error["loc"] for error in errors]
    return [
        error
        for error in errors
        if not any(len(way) > len(error["loc"]) and way[: len(error["loc"])] == error["loc"] for way in ways)
    ]


def without(recipe: Recipe, stages: Collection[str]) -> Recipe:
    """A recipe without some of its stages.

    Args:
        recipe: whole.
        stages: their names.

    Raises:
        TrainingError: a name of no stage, or all of them.
    """
    names = [stage.name for stage in recipe.stages]
    if lost := [name for name in stages if name not in names]:
        raise TrainingError(f"{recipe.name} has no stage {lost[0]!r}: it has {', '.join(names)}")
    kept = tuple(stage for stage in recipe.stages if stage.name not in stages)
    if not kept:
        raise TrainingError(f"nothing is left of {recipe.name} without {', '.join(names)}")
    costs = tuple(cost for cost in recipe.costs if cost.stage not in stages)
    return recipe.model_copy(update={"stages": kept, "costs": costs})


def _change(content: dict[str, Any], key: str, value: Any) -> None:
    *way, last = key.split(".")
    place: Any = content
    for word in way:
        if isinstance(place, list):
            place = next((one for one in place if isinstance(one, dict) and one.get("name") == word), None)
        elif isinstance(place, dict):
            place = place.setdefault(word, {}) if word != "stages" else place.get(word)
    if not isinstance(place, dict):
        raise TrainingError(f"--set {key}: the recipe has no such place; as in stages.cst.steps or model.text")
    place[last] = value


def _said(error: Any) -> str:
    place, message = error["loc"], error["msg"].removeprefix("Value error, ")
    where = ".".join(map(str, place)) or "the recipe"
    if error["type"] == "extra_forbidden":
        known = _model_of(place[:-1]).model_fields
        near = near_miss(str(place[-1]), known)
        return f"{where}: there is no such field; " + (
            f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
        )
    if error["type"] == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])
        near = near_miss(tag, KINDS)
        return f"{where}: there is no source of kind {tag!r}; " + (
            f"did you mean {near!r}?" if near else f"there are {', '.join(KINDS)}"
        )
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _model_of(place: tuple[Any, ...]) -> type[BaseModel]:
    """What a place in a recipe is read as."""
    found: type[BaseModel] = Recipe
    for word in place:
        found = KINDS[word] if word in KINDS and found is TuneStage else _FIELDS.get(word, found)
    return found
