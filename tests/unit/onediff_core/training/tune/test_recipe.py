"""Recipes: those in the repository are whole, and a mistake in one is named before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import tuning_cost
from onediff_core.errors import TrainingError
from onediff_core.presets import RECIPES
from onediff_core.small import SMALL_DELTA, SMALL_SIDE, SMALL_TEXT
from onediff_core.training.tune.reading import read_recipe, without

FOLDER = Path(__file__).parents[5] / "recipes"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_recipe_of_the_repository_is_whole(path):
    read = read_recipe(path)
    assert read.name == path.stem
    assert [stage.trains for stage in read.stages] in (["new", "lora"], ["new", "all"])


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_recipes_name_the_parts_of_the_presets(name):
    parts = read_recipe(FOLDER / f"{name}.yaml").model
    assert (parts.vision, parts.text, parts.bert) == (RECIPES[name].vision, RECIPES[name].text, RECIPES[name].bert)


def test_the_small_recipe_makes_the_small_onediff():
    parts = read_recipe(FOLDER / "onediff-small.yaml").model
    assert (parts.text, parts.side) == (SMALL_TEXT, SMALL_SIDE)
    assert parts.delta == {name: list(value) if isinstance(value, tuple) else value
                           for name, value in SMALL_DELTA.items()}  # fmt: skip


@pytest.mark.parametrize("work", tuning_cost.WORKS, ids=lambda work: f"{work.recipe}-{work.stage}")
def test_costs_are_those_of_the_script_that_estimates_them(work):
    costs = {cost.stage: cost.gpu_hours for cost in read_recipe(FOLDER / f"{work.recipe}.yaml").costs}
    assert costs[work.stage] == round(work.hours)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stages.cst.bathc": 8}, "stages.0.bathc: there is no such field; did you mean 'batch'?"),
        ({"model.txt": "x"}, "model.txt: there is no such field; did you mean 'text'?"),
        ({"stages.tune.lora": {"rank": 4}}, "stages.1.lora.rank: there is no such field; there are r, alpha, dropout"),
        ({"stages.cst.steps": 0}, "stages.0.steps: input should be greater than or equal to 1"),
        ({"stages.cst.minutes": 3}, "stages.0: give one of steps, minutes and epochs, not steps and minutes"),
        ({"stages.cst.micro": 3}, "stages.0: a batch of 4 is no whole number of micro batches of 3"),
        ({"stages.cst.trains": "al"}, "stages.0.trains: input should be 'new', 'lora', 'words' or 'all'"),
        ({"stages.cst.trains": "words"}, "a stage that trains lora and one that trains words do not go together"),
        ({"model.start": "research"}, "model: a OneDiff that goes on has its own vision, text, side: give start"),
        ({"model.text": None}, "model: give vision and text, or start"),
        ({"stages.cst.lora": {"r": 4}}, "lora is of a stage that trains lora, this one trains new"),
        ({"stages.tune.name": "cst"}, "two stages have one name"),
        ({"stages.cst.sources": [{"kind": "copled", "pictures": {"drawn": 1}}]}, "did you mean 'coupled'?"),
        ({"stages.cst.sources": [{"kind": "coupled", "picture": {"drawn": 1}}]}, "did you mean 'pictures'?"),
        ({"stages.cst.sources": [{"kind": "written"}]}, "name a source with images"),
        ({"stages.nope.steps": 1}, "--set stages.nope.steps: the recipe has no such place"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_mistake_is_named_with_its_place(write, recipe, change, said):
    """And nothing else is, such as that stages are too few without the one that is wrong."""
    with pytest.raises(TrainingError, match=re.escape(said)) as told:
        read_recipe(write(recipe), change)
    assert "; stages: " not in str(told.value)


def test_stages_share_their_adapters_and_do_not_train_their_base(write, recipe):
    third = {**recipe["stages"][1], "name": "third"}
    with pytest.raises(TrainingError, match="give all of them the same lora"):
        read_recipe(write({**recipe, "stages": [*recipe["stages"], {**third, "lora": {"r": 8}}]}))
    del third["lora"]
    with pytest.raises(TrainingError, match="do not go together"):
        read_recipe(write({**recipe, "stages": [*recipe["stages"], {**third, "trains": "all"}]}))


@pytest.mark.parametrize(
    ("text", "said"),
    [("name: [", "is no YAML"), ("- 1", "holds list, not name, model and stages"), (None, "cannot be read: No such")],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text, said):
    path = tmp_path / "recipe.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TrainingError, match=said):
        read_recipe(path)


def test_a_stage_can_be_left_out(write, recipe):
    read = read_recipe(write(recipe))
    assert [stage.name for stage in without(read, ["cst"]).stages] == ["tune"]
    with pytest.raises(TrainingError, match="has no stage 'cts': it has cst, tune"):
        without(read, ["cts"])
    with pytest.raises(TrainingError, match="nothing is left"):
        without(read, ["cst", "tune"])


def test_a_changed_field_is_read_as_if_it_stood_in_the_file(write, recipe):
    path = write(recipe)
    changed = read_recipe(path, {"stages.cst.rate": 0.5, "model.side": 96})
    content = yaml.safe_load(path.read_text())
    content["stages"][0]["rate"], content["model"]["side"] = 0.5, 96
    assert changed == read_recipe(write(content, "other.yaml"))
