"""A OneDiff on disk: where its folder is, and what can be told of it without loading it.

    config.json, model.safetensors         the model, or its part that sees alone, which finds and has no words
    processor_config.json, tokenizer.json  its processor; no tokenizer where there is no language model
    MODEL_CARD.md                          optional; its front matter names the licence
    heads/<name>/config.json, ...          a head on it

Standard library only at module level: `available` and the names of heads are asked for before torch is needed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_core.errors import CheckpointError
from onediff_plugins.atomic import LEFTOVERS
from onediff_plugins.errors import PluginContractError
from onediff_plugins.paths import existing_path
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    import os

_SHIPPED_IN: Final = Path(__file__).parent / "weights"
# What the setting `weights` calls the weights that ship: by what they may be used for.
SHIPPED: Final = {"research": _SHIPPED_IN / "onediff-tiny", "open": _SHIPPED_IN / "onediff-tiny-open"}
DEFAULT: Final = "research"
CONFIG: Final = "config.json"
HEADS: Final = "heads"
# The architecture of one that has no language model, and the files of which one is there where there is a tokenizer.
SEEING: Final = "OneDiffModel"
TOKENIZERS: Final = ("tokenizer.json", "tokenizer_config.json")
CARDS: Final = ("MODEL_CARD.md", "README.md")
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
# Of the hub, at any depth (a star crosses folders): no pickles.
_FILES: Final = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "*.md")


class Location(NamedTuple):
    """Where a OneDiff is.

    Attributes:
        folder: that holds it; of the hub's cache for a hub id.
        name: last part of the folder or of the hub id.
        commit: of the hub, or None.
    """

    folder: Path
    name: str
    commit: str | None = None


def no_weights(name: str = DEFAULT) -> str | None:
    """Why weights that ship cannot be used, or None.

    Args:
        name: a key of `SHIPPED`.
    """
    if SHIPPED[name].is_dir():
        return None
    there = [other for other, folder in SHIPPED.items() if folder.is_dir()]
    which = f"the weights {name!r} do not ship with this onediff-core" + (f", {', '.join(there)} do" if there else "")
    return f"{which}: name a folder or hub id of a OneDiff with --set weights=..."


def locate(source: str | os.PathLike[str] | None) -> Location:
    """Find a OneDiff; one of the hub is downloaded unless it is in the hub's cache.

    Args:
        source: a key of `SHIPPED`, a folder, a hub id such as "owner/name", or None for `DEFAULT`. A folder of one of
            those names is "./research".

    Raises:
        CheckpointError: no such folder or hub id, or something that is no OneDiff; the message says what to do.
    """
    if source is None or source in SHIPPED:
        name = DEFAULT if source is None else str(source)
        if (why_not := no_weights(name)) is not None:
            raise CheckpointError(why_not)
        source = SHIPPED[name]
    found = existing_path(source)
    if found is not None and found.is_dir():
        location = Location(found, found.resolve().name)
    elif found is not None:
        raise CheckpointError(f"{source} is a file: weights are a folder, with {CONFIG} and model.safetensors in it")
    elif _HUB_ID.fullmatch(str(source)):
        location = _from_hub(str(source))
    else:
        raise CheckpointError(
            f"there is no folder {source}: weights are a folder of a OneDiff, or a hub id such as owner/name, which "
            "needs a network the first time"
        )
    _check_config(location.folder)
    return location


def _from_hub(hub_id: str) -> Location:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=list(_FILES)))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise CheckpointError(
            f"there is no folder {hub_id}, and the hub did not give a model of that id, which needs a network the "
            f"first time: {' '.join(str(error).split())}"
        ) from error
    return Location(folder, hub_id.rpartition("/")[2], folder.name)


def _check_config(folder: Path) -> None:
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{folder} is no OneDiff: it holds no {CONFIG}")
    found = read_json(folder / CONFIG).get("model_type")
    if found != "onediff":
        raise CheckpointError(
            f"{folder} holds a model of type {found!r}, not a OneDiff: name the folder that holds the whole of one, "
            "with model_type 'onediff' in its config.json"
        )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        CheckpointError: it cannot be read, or is something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__}, not an object")
    return values


def held_heads(folder: Path) -> list[HeadSpec]:
    """The heads that lie beside a OneDiff, by name; their weights are not read.

    Args:
        folder: of the OneDiff.

    Raises:
        CheckpointError: a head's configuration that is damaged, or another name than its folder's.
    """
    configs = sorted((folder / HEADS).glob(f"*/{CONFIG}"))
    found = [head_in(path.parent) for path in configs if not path.parent.match(LEFTOVERS)]
    for spec in found:
        if spec.weights is not None and spec.name != spec.weights.name:
            path = spec.weights / CONFIG
            raise CheckpointError(f"{path} is of the head {spec.name!r}: its folder must be called so")
    return found


def head_in(folder: Path) -> HeadSpec:
    """The head in a folder; its weights are not read.

    Args:
        folder: of the head, of any name.

    Raises:
        CheckpointError: it holds no head, or one whose configuration is damaged.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} holds no {CONFIG}: a head is a folder with {CONFIG} and model.safetensors")
    values = read_json(path)
    try:
        return HeadSpec(
            name=values["name"],
            task=values["task"],
            classes=values["classes"],
            kinds=values.get("kinds", {}),
            gsd_range_m=values.get("gsd_range_m"),
            weights=path.parent,
        )
    except (AttributeError, LookupError, TypeError, ValueError, PluginContractError) as error:
        raise CheckpointError(f"{path} is not the configuration of a head: {type(error).__name__}: {error}") from error


def why_mute(folder: Path) -> str | None:
    """Why a OneDiff has no words for what it sees, or None; told from its files, nothing is loaded."""
    config = read_json(folder / CONFIG)
    if config.get("architectures") == [SEEING]:
        return "holds no language model"
    if not any((folder / name).is_file() for name in TOKENIZERS):
        return "holds no tokenizer"
    if not config.get("trained_stages"):
        return "holds a language model that was never trained to speak of images (trained_stages is empty)"
    return None


class Terms(NamedTuple):
    """What a model card says of using the weights.

    Attributes:
        licence: SPDX name, or None.
        notice: a line that whoever uses them has to read, or None.
    """

    licence: str | None = None
    notice: str | None = None


def terms_of(folder: Path) -> Terms:
    """The terms that a model card names in its front matter.

    They are `license`, or `license_name` where that is "other", and `license_notice`.

    Args:
        folder: with MODEL_CARD.md or README.md, or neither.

    Raises:
        CheckpointError: front matter that is not YAML.
    """
    import yaml
    from huggingface_hub import metadata_load

    for path in (folder / name for name in CARDS):
        if not path.is_file():
            continue
        try:
            about = metadata_load(path)
        except (ValueError, yaml.YAMLError) as error:
            raise CheckpointError(f"the front matter of {path} cannot be read: {error}") from error
        if about and about.get("license"):
            named = about["license"] == "other" and about.get("license_name")
            notice = about.get("license_notice")
            return Terms(str(named or about["license"]), None if notice is None else str(notice))
    return Terms()
