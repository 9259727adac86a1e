"""How far scores of captions without Java are from those with it, and both from pycocoevalcap's own.

    python benchmarks/without_java.py --count 2000 --seed 5

Of three sets of captions that people wrote: of each pair the first answers for a method and the others are the
references; every third answer is of another pair. Prints a Markdown table; docs/evaluation.md has it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from typing import TYPE_CHECKING, Any

from evaluation.sets import DATA
from onediff_core.evaluation.captions import java, ptb
from onediff_core.evaluation.captions.scoring import Tools, scored
from onediff_core.evaluation.tables import markdown

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="pairs of each set, at most")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    if why := java.missing():
        sys.exit(f"there is nothing to compare with: {why}")
    rows = []
    for name, texts in captions(DATA / "captions_text").items():
        references, said = drawn(texts, options.count, random.Random(options.seed))
        everything = list(dict.fromkeys([*said, *(text for some in references for text in some)]))
        words = sum(ptb.words(text) != word for text, word in zip(everything, java.words(everything), strict=True))
        published = pycocoevalcap(references, said)
        for what, tools in (("with Java", Tools(java=True)), ("without", Tools(java=False))):
            found = figures(scored(tools, references, {"people": said})["people"])
            apart = [abs(one - other) for one, other in zip(found, published, strict=True)]
            texts_apart = f"{words} of {len(everything)}" if what == "without" else "-"
            rows.append([f"{name}: {len(said)}", what, *(f"{value:.3f}" for value in found), f"{max(apart):.4f}",
                         texts_apart])  # fmt: skip
    head = ["pairs", "tools", *NAMES, "largest difference from pycocoevalcap", "texts taken apart otherwise"]
    print(markdown(head, rows))
    return 0


def captions(folder: Path) -> dict[str, list[list[str]]]:
    """Sets with several captions a pair."""
    return {
        "LEVIR-CC, train": list(read(folder / "levir_cc_train.json.gz").values()),
        "Spot-the-Diff, test": [pair["sentences"] for pair in read(folder / "spot_the_diff/test.json")],
        "Image-Editing-Request, test": [pair["sents"] for pair in read(folder / "image_editing_request/test.json")],
    }


def read(path: Path) -> Any:
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def drawn(texts: list[list[str]], count: int, rng: random.Random) -> tuple[list[list[str]], list[str]]:
    told = [[text for text in some if text.strip()] for some in texts]
    told = [some for some in told if len(some) > 1]
    references, said = [], []
    for number, (own, *others) in enumerate(rng.sample(told, min(count, len(told)))):
        references.append(others)
        said.append(own if number % 3 else rng.choice(rng.choice(told)))
    return references, said


def pycocoevalcap(references: list[list[str]], said: list[str]) -> list[float]:
    """What its own scripts give."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    truth = tokenizer.tokenize({at: [{"caption": text} for text in some] for at, some in enumerate(references)})
    told = tokenizer.tokenize({at: [{"caption": text}] for at, text in enumerate(said)})
    values = list(Bleu(4).compute_score(truth, told, verbose=0)[0])
    values += [scorer.compute_score(truth, told)[0] for scorer in (Meteor(), Rouge(), Cider())]
    return [100 * float(value) for value in values]


def figures(scores: Any) -> list[float]:
    pairs = list(range(len(scores.said)))
    return [*(scores.bleu(n, pairs) for n in (1, 2, 3, 4)), scores.meteor(pairs), scores.rouge_l(pairs),
            scores.cider_d(pairs)]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
