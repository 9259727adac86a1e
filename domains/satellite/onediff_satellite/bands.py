"""Which band is which: STAC common names from what a raster says of itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.errors import MismatchedPairError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMON_NAMES: Final = frozenset(
    {
        *("pan", "coastal", "blue", "green", "red", "yellow", "rededge", "rededge071", "rededge075", "rededge078"),
        *("nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12"),
    }
)

# GDAL's colour interpretation, where it names a band at all.
_BY_INTERPRETATION: Final = {
    "red": "red",
    "green": "green",
    "blue": "blue",
    "pan": "pan",
    "coastal": "coastal",
    "rededge": "rededge",
    "nir": "nir",
}

# Sentinel-2's two-digit names are unambiguous; "B4" alone is red on one Landsat and near infrared on another.
_SENTINEL_2: Final = {
    "b01": "coastal",
    "b02": "blue",
    "b03": "green",
    "b04": "red",
    "b05": "rededge071",
    "b06": "rededge075",
    "b07": "rededge078",
    "b08": "nir",
    "b8a": "nir08",
    "b09": "nir09",
    "b10": "cirrus",
    "b11": "swir16",
    "b12": "swir22",
}
_ALIASES: Final = {
    "r": "red",
    "g": "green",
    "b": "blue",
    "n": "nir",
    "near_infrared": "nir",
    "nir1": "nir",
    "nir_1": "nir",
    "near_infrared_1": "nir",
    "infrared": "nir",
    "red_edge": "rededge",
    "coastal_blue": "coastal",
    "panchromatic": "pan",
    "swir1": "swir16",
    "swir_1": "swir16",
    "swir2": "swir22",
    "swir_2": "swir22",
    "grey": "gray",
}

# What unnamed bands are taken for, by their number: the usual order of aerial and commercial imagery.
_ASSUMED: Final = {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "nir")}


def name_bands(
    interpretations: Sequence[str], descriptions: Sequence[str | None], tags: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], bool]:
    """Names of a raster's bands, alpha excluded.

    Args:
        interpretations: GDAL's colour interpretation of each band, in lower case.
        descriptions: description of each band, or None.
        tags: metadata of each band.

    Returns:
        One unique name per band, and whether the raster stated them: without a statement 1, 3 and 4 bands are taken
        for grey, RGB and RGB + near infrared, and others become "b1", "b2", ... A fourth band beside stated RGB is
        taken for near infrared too.
    """
    triples = zip(interpretations, descriptions, tags, strict=True)
    named = [_described(text, tag) or _BY_INTERPRETATION.get(how) for how, text, tag in triples]
    if not any(named):
        count = len(named)
        return _ASSUMED.get(count) or tuple(f"b{i}" for i in range(1, count + 1)), False
    if named == ["red", "green", "blue", None]:
        named[3] = "nir"
    unique: list[str] = []
    for position, name in enumerate(named, start=1):
        free = name if name and name not in unique else f"b{position}"
        unique.append(free)
    return tuple(unique), True


def _described(description: str | None, tags: Mapping[str, Any]) -> str | None:
    """A band's name from its description or tags; a description that is no common name is kept as a plain word."""
    for text in (tags.get("common_name"), tags.get("BANDNAME"), description):
        word = re.sub(r"[^a-z0-9]+", "_", str(text or "").lower()).strip("_")
        word = re.sub(r"^band_(?=[a-z])|_band$", "", word)
        known = _SENTINEL_2.get(word) or _ALIASES.get(word) or word
        if known in COMMON_NAMES or known == "gray":
            return known
        if word and not re.fullmatch(r"(band|layer)?_?\d*", word):
            return word
    return None


def common_bands(
    before: tuple[str, ...], after: tuple[str, ...], *, before_stated: bool, after_stated: bool, who: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]:
    """Which bands of two rasters to compare.

    Bands of the same name belong together. Where the names have nothing in common but the numbers agree and only one
    side stated them, the order decides and the stated names hold.

    Args:
        before: names of the before raster's bands.
        after: names of the after raster's bands.
        before_stated: whether the before raster named them itself.
        after_stated: whether the after raster did.
        who: both sources, for the message.

    Returns:
        Positions (from 0) in before and in after, and the names, in the order of the after raster.

    Raises:
        MismatchedPairError: nothing to compare; the message lists what there is.
    """
    if len(before) == len(after) and before_stated != after_stated:
        order = tuple(range(len(after)))
        return order, order, after if after_stated else before
    shared = tuple(name for name in after if name in before)
    if not shared:
        raise MismatchedPairError(
            f"{who}: no band in common: {', '.join(before)} before and {', '.join(after)} after; "
            f"name the bands (gdal_edit.py -colorinterp_N, band descriptions), or extract the same ones"
        )
    return tuple(before.index(name) for name in shared), tuple(after.index(name) for name in shared), shared
