"""What the recipes' stages cost in GPU hours, by counting operations: python benchmarks/tuning_cost.py.

For each token a pass forwards costs two operations a weight, a pass backwards two more where gradients only pass
through, four where weights learn, and a layer that is recomputed two. Divided by what an A100 does in bfloat16 (312
TFLOP/s, NVIDIA's data sheet) at a utilisation of 0.4. Decoding, scores and waiting for data are not in it. Nothing was
measured.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

PEAK, UTILISATION = 312e12, 0.4


@dataclass(frozen=True)
class Work:
    """A stage of a recipe.

    Attributes:
        recipe: its name.
        stage: its name.
        examples: that are learned from.
        tokens: of one, its images' included, as the language model reads them.
        patches: of both images, as the tower reads them.
        words: weights of the language model.
        tower: weights of the tower.
        passes: operations a weight and token of the language model, recomputing included.
        tower_passes: likewise of the tower.
    """

    recipe: str
    stage: str
    examples: float
    tokens: float
    patches: float
    words: float
    tower: float
    passes: int
    tower_passes: int

    @property
    def hours(self) -> float:
        text = self.passes * self.words * self.tokens
        sight = self.tower_passes * self.tower * self.patches
        return self.examples * (text + sight) / (PEAK * UTILISATION) / 3600


# 576 + 32 tokens of a pair, and about 90 of prompt and two captions or 140 of prompt and answer.
WORKS = (
    Work("onediff-7b", "cst", 279e3, 700, 1152, 6.74e9, 0.30e9, 6, 2),
    Work("onediff-7b", "tune", 1e6, 750, 1152, 6.74e9, 0.30e9, 8, 6),
    Work("onediff-2b", "cst", 279e3, 700, 1152, 1.72e9, 0.43e9, 6, 2),
    Work("onediff-2b", "tune", 1e6, 750, 1152, 1.72e9, 0.43e9, 6, 2),
)


def main() -> int:
    print("| recipe | stage | A100 hours |\n|---|---|---|")
    for work in WORKS:
        print(f"| {work.recipe} | {work.stage} | {work.hours:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
