"""Pages that need nothing but themselves: templates, with styles, scripts and data written into them.

A page asks for nothing over the network, and its Content-Security-Policy holds it to that: the only script and the
only style that may run are the ones whose digests it names, so that markup in a caption stays text twice over.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import jinja2

from onediff_plugins import __version__
from onediff_plugins.drawing import KIND_COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# In the order in which they are written into the page.
_ASSETS: Final = {
    "pair": (
        *("shared.css", "pair.css", "regions.css", "print.css"),
        *("shared.js", "state.js", "camera.js", "marks.js", "views.js", "regions.js", "gestures.js", "print.js"),
        "start.js",
    ),
    "index": ("shared.css", "index.css", "shared.js", "index.js"),
}
# Characters that end a script element, begin a comment or entity in one, or end a line in old script engines.
_UNSAFE_IN_SCRIPT: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def script_data(value: Any) -> str:  # noqa: ANN401  # anything that is JSON
    """A value as JSON that is safe inside of a script element, whatever texts it holds.

    Args:
        value: plain JSON values; NaN is refused.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)  # ASCII: no text can be undecodable
    return text.translate(_UNSAFE_IN_SCRIPT)


def render(template: str, pictures: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A page, part by part, so that one with very many rows need not be held in memory.

    Args:
        template: its name, "pair" or "index"; the assets of that name are written into it.
        pictures: where the page may take images from, as sources of a Content-Security-Policy.
        values: for the template; iterators are consumed while the page is written.
    """
    page = _templates().get_template(f"{template}.html")
    style, script = _assets(template)
    policy = (
        f"default-src 'none'; img-src {pictures}; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    yield from page.generate(**values, style=style, script=script, policy=policy, version=__version__)


@functools.lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("onediff_plugins.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.lru_cache(maxsize=2)
def _assets(page: str) -> tuple[str, str]:
    """Style and script of a page."""
    folder = resources.files("onediff_plugins.report").joinpath("assets")
    texts = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in _ASSETS[page]}
    style = "".join(text for name, text in texts.items() if name.endswith(".css"))
    script = "".join(text for name, text in texts.items() if name.endswith(".js"))
    return _kind_colours() + style, f'(() => {{\n"use strict";\n{script}}})();\n'


def _kind_colours() -> str:
    colours = "".join(f"--{kind}:rgb({red} {green} {blue});" for kind, (red, green, blue) in KIND_COLOURS.items())
    return f":root{{{colours}}}\n"


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
