"""All stages of a recipe, one after the other; each begins with what the one before left."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from onediff_core.adapters import base_of
from onediff_core.errors import TrainingError
from onediff_core.training.schedule import Budget
from onediff_core.training.settings import keep_settings
from onediff_core.training.tune import scores
from onediff_core.training.tune.parts import Trained, build, prepare_stage, put, save_model
from onediff_core.training.tune.recipe import WHOLE
from onediff_core.training.tune.run import TuneRun
from onediff_core.training.tune.sources import check_paths, make_source
from onediff_core.weights import read_safetensors, write_safetensors
from onediff_plugins.atomic import unfinished, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.training.tune.processes import Processes
    from onediff_core.training.tune.recipe import Recipe, TuneStage
    from onediff_core.training.tune.sources import Made

DONE: Final = "trained.safetensors"
REPORT: Final = "report.json"


def tune(recipe: Recipe, out: Path, data: Path | None, processes: Processes, say: Callable[[str], None]) -> None:
    """Train what a recipe says, or go on where that was.

    Args:
        recipe: all of it.
        out: folder of the run: a folder for each stage, with its log, its state and `report.json`; and at the end
            one of the recipe's name, with what came out.
        data: what paths of the recipe are relative to; the current folder where None.
        processes: that learn together.
        say: told what happens, in the first process alone.

    Raises:
        TrainingError: processes that were told different things, a folder of another recipe, a path that is not there,
            or a stage that cannot begin; and the errors of `build` and `make_source`.
    """
    whole = recipe.model_dump(mode="json", exclude={"costs", "aims"})
    record = {**_flat(whole), "data": str(data) if data else "", "out": str(out)}
    processes.agree(record)
    check_paths(recipe.stages, data)
    seed = recipe.stages[0].seed
    model, processor = build(recipe.model, seed)
    start = recipe.model.start
    whole_at_last = start is not None or any(stage.trains in WHOLE for stage in recipe.stages)
    base = None if whole_at_last else base_of(model)
    adapters = next((stage.lora for stage in recipe.stages if stage.lora is not None), None)
    for number, stage in enumerate(recipe.stages, 1):
        prepare_stage(model, stage, adapters)
        folder = out / f"{number}-{stage.name}"
        told = {"model": whole["model"], **_flat(whole["stages"][number - 1])}
        if (folder / DONE).is_file():
            keep_settings(folder, told, {})
            put(model, _finished(folder, model))
            if processes.leads:
                say(f"{stage.name}: done before, in {folder}")
        else:
            _run(stage, folder, model, processor, data, processes, told, say)
        model.config.trained_stages = (*model.config.trained_stages, stage.name)
    if processes.leads:
        model.eval()
        save_model(out / recipe.name, model.cpu(), processor, base, start)
        say(f"written to {out / recipe.name}")
    processes.wait()


def _run(
    stage: TuneStage,
    folder: Path,
    model: OneDiffForConditionalGeneration,
    processor: OneDiffProcessor,
    data: Path | None,
    processes: Processes,
    told: Mapping[str, Any],
    say: Callable[[str], None],
) -> None:
    side = max(processor.image_processor.size or (256,))
    made = [make_source(part, data, side, processes.device) for part in stage.sources]
    budget = Budget(minutes=stage.minutes, steps=_steps(stage, made))  # only now: the clock starts with learning
    run = TuneRun(folder, stage, model, processor, made, budget, processes, told)
    if processes.leads:
        learned = sum(value.numel() for value in run.trained.values)
        length = f"{budget.steps} steps" if budget.steps else f"{budget.minutes:g} minutes"
        say(
            f"{stage.name}: {learned / 1e6:.2f} M weights learn, {length} of {stage.batch}, "
            f"{processes.count} process{'es' if processes.count > 1 else ''}, from step {run.step}"
        )
    said: scores.Report = {}

    def score() -> dict[str, float]:
        with run.averaged() as averaged:
            said.update(scores.report(averaged, processor, made, side=side, most=stage.held_out))
        return scores.figures(said)

    run.go_on(score)
    put(model, run.kept())
    if processes.leads:
        _write(folder / DONE, run.kept())
        write_atomically(folder / REPORT, [json.dumps(said, indent=2), "\n"])
        for name, rows in scores.answers(said).items():
            write_atomically(folder / f"answers-{name}.jsonl", [f"{json.dumps(row)}\n" for row in rows])
        say(f"{stage.name}: {run.step} steps, {run.budget.seconds / 60:.1f} minutes")
        say(scores.lines(scores.figures(said).items()))
    processes.wait()


def _steps(stage: TuneStage, made: Sequence[Made]) -> int | None:
    if stage.epochs is None:
        return stage.steps
    size = sum(one.size for one in made)
    if not size:
        raise TrainingError(f"the sources of the stage {stage.name} have no end: give it steps or minutes, not epochs")
    return math.ceil(stage.epochs * size / stage.batch)


def _write(path: Path, state: Mapping[str, Tensor]) -> None:
    new = unfinished(path.parent)
    try:
        write_safetensors(new, state)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _finished(folder: Path, model: OneDiffForConditionalGeneration) -> dict[str, Tensor]:
    state = read_safetensors(folder / DONE)
    if lost := sorted({*state} ^ {*Trained(model).names}):
        raise TrainingError(f"{folder / DONE} is not of this stage, it differs in {lost[0]} and {len(lost) - 1} more: "
                            "name a new folder")  # fmt: skip
    return state


def _flat(record: Any, way: str = "") -> dict[str, Any]:
    """Dotted name -> value; stages go by their names."""
    if isinstance(record, dict) and record:
        return {name: value for key, part in record.items() for name, value in _flat(part, f"{way}{key}.").items()}
    if isinstance(record, list) and record and all(isinstance(part, dict) for part in record):
        named = [(part.get("name", str(number)), part) for number, part in enumerate(record)]
        return {name: value for key, part in named for name, value in _flat(part, f"{way}{key}.").items()}
    return {way.removesuffix("."): record}
