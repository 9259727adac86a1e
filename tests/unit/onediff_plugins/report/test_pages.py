"""Pages that need nothing but themselves, whatever texts they hold."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from onediff_plugins.drawing import KIND_COLOURS
from onediff_plugins.report.pages import render, script_data

NASTY = "</script><!-- <script> & \u2028\u2029 'q' \"q\" \ud800"


def test_data_cannot_leave_its_script_element() -> None:
    text = script_data({NASTY: [NASTY, 1.5, None, True]})
    assert not set("<>&\u2028\u2029") & set(text)
    assert text.isascii()
    assert json.loads(text) == {NASTY: [NASTY, 1.5, None, True]}


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_data(float("nan"))


def page(title: str = "title") -> str:
    return "".join(render("index", "data:", {"title": title, "rows": iter(["1", "2"])}))


def test_texts_are_escaped() -> None:
    assert "<title>&lt;b&gt; &amp; &#34;q&#34; · OneDiff</title>" in page('<b> & "q"')


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page())
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page(), flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_a_page_names_no_other_host() -> None:
    assert re.findall(r"(?:https?:)?//[a-z]", re.sub(r"(?m)//\s.*$", "", page())) == []


def test_rows_are_written_one_at_a_time() -> None:
    taken = []

    def rows():
        for number in range(3):
            taken.append(number)
            yield str(number)

    parts = render("index", "data:", {"title": "", "rows": rows()})
    assert taken == []
    assert "".join(parts).count("\n0,") == 1
    assert taken == [0, 1, 2]


def test_kinds_have_the_colours_of_the_overlay() -> None:
    red, green, blue = KIND_COLOURS["added"]
    assert f"--added:rgb({red} {green} {blue});" in page()
