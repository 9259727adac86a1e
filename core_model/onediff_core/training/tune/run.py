"""One stage of a recipe as a run: steps of several examples at a time, in one process or more."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from onediff_core.errors import TrainingError
from onediff_core.processing_onediff import IGNORED
from onediff_core.training.sampling import single_threaded
from onediff_core.training.settings import keep_settings
from onediff_core.training.tune.parts import Trained, groups, put
from onediff_core.training.tune.sources import MixedLessons
from onediff_core.training.words.batches import Collate
from onediff_core.training.words.run import LessonRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.training.schedule import Budget
    from onediff_core.training.settings import LearningSettings
    from onediff_core.training.tune.processes import Processes
    from onediff_core.training.tune.recipe import TuneStage
    from onediff_core.training.tune.sources import Made

    Micro = dict[str, Tensor]


class TuneRun(LessonRun):
    """One stage, from its first step or from its last state.

    What is kept, averaged and saved is what is trained; the base comes from wherever it is published.
    """

    settings: TuneStage

    def __init__(
        self,
        folder: Path,
        stage: TuneStage,
        model: OneDiffForConditionalGeneration,
        processor: OneDiffProcessor,
        made: Sequence[Made],
        budget: Budget,
        processes: Processes,
        record: Mapping[str, Any],
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            stage: of the recipe.
            model: as `prepare_stage` left it.
            processor: its own.
            made: the stage's sources.
            budget: when it is over.
            processes: that learn together.
            record: what a run that goes on must have been begun with.

        Raises:
            TrainingError: the folder holds a run of another record, or the processes cannot share a batch.
        """
        if (stage.batch // stage.together) % processes.count:
            raise TrainingError(
                f"a batch of the stage {stage.name} is {stage.batch // stage.together} times {stage.together} "
                f"examples, which {processes.count} processes cannot share: change batch or micro"
            )
        self.leads = processes.leads
        if self.leads:
            folder.mkdir(parents=True, exist_ok=True)
            keep_settings(folder, record, {})
        processes.wait()
        model.to(processes.device)
        self.trained, self.processes, self._sharded = Trained(model), processes, stage.sharded and processes.count > 1
        super().__init__(folder, self.trained, groups(self.trained, stage), stage, budget, processes.device)
        self.model, self.processor, self.settings = model, processor, stage
        self._lessons = MixedLessons(made, stage.together, stage.seed)
        self.restore()

    def _optimiser(self, groups: list[dict[str, Any]], settings: LearningSettings) -> torch.optim.Optimizer:
        """Sharded, each process keeps the moments of its share of the weights alone (ZeRO, stage 1)."""
        if not self._sharded:
            return super()._optimiser(groups, settings)
        from torch.distributed.optim import ZeroRedundancyOptimizer

        return ZeroRedundancyOptimizer(groups, torch.optim.AdamW, betas=settings.betas, fused=True)

    def agreed(self, wanted: bool) -> bool:
        """By the clock of the first process."""
        return bool(self.processes.same(float(wanted)))

    def save(self, **more: Any) -> None:
        """Write the state, in the first process, of all of them."""
        if self._sharded:
            whole: Any = self.optimiser
            whole.consolidate_state_dict(0)
        if self.leads:
            super().save(**more)

    @property
    def progress(self) -> float:
        """From 0 to 1, by the clock of the first process."""
        return self.processes.same(self.budget.progress(self.step))

    def _batches(self, phase: int) -> Iterator[list[Micro]]:
        """A step's share of this process, again and again."""
        stage, processes = self.settings, self.processes
        loader: DataLoader[Any] = DataLoader(
            self._lessons,
            batch_sampler=_Dealt(self.seen, stage.together, processes.index, processes.count),
            num_workers=stage.workers,
            collate_fn=Collate(self.processor),
            prefetch_factor=2 if stage.workers else None,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=single_threaded,
        )
        batches, n = iter(loader), stage.batch // stage.together // processes.count
        while True:
            yield [next(batches) for _ in range(n)]

    def _placed(self, batch: list[Micro]) -> list[Micro]:
        return [super(TuneRun, self)._placed(micro) for micro in batch]

    def _learn(self, batch: list[Micro], progress: float) -> dict[str, Tensor]:
        """One step: every word that is learned counts the same, wherever and in whatever company it is."""
        torch.manual_seed(self.settings.seed + self.step)
        self.model.train()
        self.model.model.vision_tower.eval()  # its statistics stay those that it was published with
        counts = [float((micro["labels"] != IGNORED).sum()) for micro in batch]
        words = self.processes.total(sum(counts))
        self.optimiser.zero_grad()
        lost = torch.zeros((), device=self.device)
        for micro, count in zip(batch, counts, strict=True):
            loss = self._lost(micro) * (count / words)
            self.refuse_infinite(loss, micro)
            loss.backward()
            lost += loss.detach()
        self.processes.sum_gradients(self.trained.values)
        self.update(progress, pairs=self.settings.batch)
        return {"words": torch.tensor(self.processes.total(float(lost)))}

    @contextmanager
    def averaged(self) -> Iterator[OneDiffForConditionalGeneration]:
        """The model with its averaged weights, in `eval` mode, for a while."""
        own = {name: value.detach().clone() for name, value in self.trained.named().items()}
        put(self.model, self.kept())
        try:
            yield self.model.eval()
        finally:
            put(self.model, own)

    def kept(self) -> dict[str, Tensor]:
        """Name in the model -> averaged weights: what a stage leaves to the next."""
        module: Any = self.average.module
        return {name: value.detach() for name, value in module.named().items()}


class _Dealt:
    """Numbers of examples: every n-th block of consecutive ones, for one of n processes; without end."""

    def __init__(self, first: int, size: int, index: int, count: int) -> None:
        self.first, self.size, self.index, self.count = first, size, index, count

    def __iter__(self) -> Iterator[list[int]]:
        start = self.first + self.index * self.size
        while True:
            yield list(range(start, start + self.size))
            start += self.count * self.size
