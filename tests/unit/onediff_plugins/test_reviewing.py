"""What domains add to a review dataset, on a stand-in that keeps what it is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from onediff_plugins.reviewing import colour_values, save_views


class Dataset:
    def __init__(self, views: tuple[str, ...] = ()) -> None:
        self.views: dict[str, Any] = dict.fromkeys(views, "a person's")
        self.info: dict[str, Any] = {"onediff": {"schema": "onediff.fiftyone/1"}}
        fields = [{"path": "changes", "colorByAttribute": "kind"}, {"path": "review", "colorByAttribute": "label"}]
        self.app_config = SimpleNamespace(color_scheme=SimpleNamespace(fields=fields, opacity=0.5))

    def list_saved_views(self) -> list[str]:
        return list(self.views)

    def save_view(self, name: str, view: Any, description: str) -> None:
        self.views[name] = view

    def save(self) -> None:
        pass


def test_a_view_of_that_name_that_is_there_stays() -> None:
    dataset = Dataset(("came",))
    save_views(dataset, [("came", 1, ""), ("gone", 2, "")])
    assert dataset.views == {"came": "a person's", "gone": 2}


def test_regions_are_coloured_once_and_nothing_else_is() -> None:
    dataset = Dataset()
    colour_values(dataset, "label", {"building": "#d1495b"}, opacity=0.2)
    changes, review = dataset.app_config.color_scheme.fields
    assert changes["colorByAttribute"] == "label"
    assert changes["valueColors"] == [{"value": "building", "color": "#d1495b"}]
    assert review == {"path": "review", "colorByAttribute": "label"}
    assert dataset.app_config.color_scheme.opacity == 0.2
    colour_values(dataset, "kind", {"added": "#000000"})  # a person may have chosen others since
    assert changes["colorByAttribute"] == "label"
    assert dataset.info["onediff"]["schema"] == "onediff.fiftyone/1"
