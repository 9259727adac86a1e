"""Which runs an ablation consists of."""

from __future__ import annotations

from pathlib import Path

import pytest

import tuning_ablations
from onediff_core.training.tune.reading import read_recipe, without
from onediff_plugins.settings import parse_assignments

ROOT = Path(__file__).parents[3]
RECIPES = [ROOT / "recipes" / "onediff-small.yaml", ROOT / "benchmarks" / "tuning_ablations.yaml"]


def as_trained(recipe: Path, options: tuple[str, ...]):
    """The recipe that `onediff train tune` makes of options."""
    values = [value for flag, value in zip(options[::2], options[1::2], strict=True) if flag == "--set"]
    skipped = [value for flag, value in zip(options[::2], options[1::2], strict=True) if flag == "--skip"]
    return without(read_recipe(recipe, parse_assignments(values)), skipped)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_without_cst_tuning_has_its_steps_too(recipe):
    both, alone = (as_trained(recipe, one.options) for one in tuning_ablations.variants("cst", recipe, []))
    assert [stage.name for stage in alone.stages] == ["tune"]
    assert alone.stages[0].steps == sum(stage.steps for stage in both.stages)


def test_a_budget_of_two_units_is_refused():
    with pytest.raises(SystemExit, match="must both have steps, or both minutes"):
        tuning_ablations.variants("cst", RECIPES[0], ["stages.cst.steps=null", "stages.cst.minutes=1"])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_specialist_learns_from_one_scene_and_is_scored_on_all(recipe):
    every = tuning_ablations.variants("specialists", recipe, [])
    learned = [as_trained(recipe, one.options).stages[1].sources[0].scenes for one in every]
    assert [sorted(name for name, share in scenes.items() if share) for scenes in learned] == [
        sorted(tuning_ablations.SCENES), *([name] for name in tuning_ablations.SCENES)
    ]  # fmt: skip
    assert all(set(scenes) == set(tuning_ablations.SCENES) for scenes in learned)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_memories_differ_in_nothing_else(recipe):
    states, gated = (as_trained(recipe, one.options) for one in tuning_ablations.variants("memory", recipe, []))
    assert states.stages == gated.stages
    assert (states.model.delta.get("memory", "states"), gated.model.delta["memory"]) == ("states", "gated")
