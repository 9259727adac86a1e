"""Draws the figure of docs/model.md: `python docs/figures/model.py` writes model.svg beside this file.

Every number is read from a model on the meta device: the paper's, `OneDiffConfig()`, and `onediff-tiny`. A test fails
when the file that is committed is not what this makes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from onediff_core.configuration_onediff import has_stages, tower_depth
from onediff_core.heads import ChangeMaskHead, PairHead, RegionHead
from shapes import millions, models, shape
from svg import Drawing

if TYPE_CHECKING:
    from shapes import Both

NAMES = {"clip_vision_model": "CLIP ViT", "efficientnet_lite": "EfficientNet-Lite", "llama": "Llama type"}


def draw(shown: Both) -> str:
    """The figure as SVG."""
    drawing = Drawing(
        1000,
        912,
        "OneDiff",
        "A siamese tower reads both images. A projector makes visual tokens of one of its layers, the Visual Delta "
        "Module makes delta tokens of several, and a language model reads both in a prompt. Heads read dense delta "
        "features of the tower's states, and the delta tokens.",
    )
    legend(drawing, shown)
    pictures(drawing)
    tower(drawing, shown)
    projector(drawing, shown)
    delta_module(drawing, shown)
    dense_and_heads(drawing, shown)
    prompt(drawing, shown)
    language_model(drawing, shown)
    return drawing.svg()


PROJECTOR, TOKENS, HEADS = "projector", "tokens", "heads"  # who reads a layer


def legend(drawing: Drawing, shown: Both) -> None:
    """The two models, and who reads what."""
    for x, one, name in zip((24, 366), shown, ("the paper's model, OneDiffConfig()", "onediff-tiny"), strict=True):
        drawing.box(x, 23, 14, 14, f"slab-{one.look}", 3)
        drawing.text(x + 22, 35, f"{name}, at {one.side} px", f"{one.look} strong")
    drawing.text(650, 35, "read by", "lesser")
    for x, mark, words in (
        (712, PROJECTOR, "the projector"),
        (814, TOKENS, "delta tokens"),
        (918, HEADS, "heads"),
    ):
        symbol(drawing, x, 30, mark)
        drawing.text(x + 11, 35, words, "lesser")


def symbol(drawing: Drawing, x: float, y: float, mark: str) -> None:
    """The mark of a reader."""
    shapes = {
        PROJECTOR: f'<path class="head" d="M{x - 5:g},{y + 4:g} L{x + 5:g},{y + 4:g} L{x:g},{y - 5:g} Z"/>',
        TOKENS: f'<circle class="head" cx="{x:g}" cy="{y:g}" r="4.5"/>',
        HEADS: f'<rect class="head" x="{x - 4:g}" y="{y - 4:g}" width="8" height="8"/>',
    }
    drawing.raw(shapes[mark])


def pictures(drawing: Drawing) -> None:
    """A field, and the field with a house."""
    for y, name in ((72, "before"), (164, "after")):
        drawing.box(24, y, 92, 66, "inner", 4)
        drawing.path([(24, y + 46), (50, y + 38), (84, y + 48), (116, y + 40)], "bare")
        drawing.text(70, y + 82, name, "middle lesser")
        drawing.path([(116, y + 33), (146, y + 33)])
    for look in ("inner", "slab-tiny"):  # the latter lets the field shine through
        drawing.raw(f'<path class="{look}" d="M52,210 L52,196 L66,184 L80,196 L80,210 Z"/>')


def tower(drawing: Drawing, shown: Both) -> None:
    """Its layers, and who reads which."""
    drawing.box(150, 64, 826, 196)
    drawing.text(166, 88, "Siamese tower", "title")
    drawing.text(290, 88, "both images in one batch, through one set of weights", "lesser")
    for y, one in zip((112, 188), shown, strict=True):
        config, tapped = one.config, one.config.delta_config
        depth = tower_depth(config.vision_config)
        staged = has_stages(config.vision_config)
        # The stem of a backbone is its stage 0; what a tower has behind its last tap is not built.
        layers = range(max(config.tower_layers) + 1) if staged else range(1, depth + 1)
        name = f"{NAMES[config.vision_config.model_type]}, {millions(one.model.model.vision_tower)}"
        made = (
            f"{len(layers) - 1} stages and the stem"
            if staged
            else f"{depth} layers of {config.vision_config.hidden_size}"
        )
        drawing.text(166, y + 6, f"{name}: {made}", one.look)
        step = 794 / len(layers)
        for index, layer in enumerate(layers):
            x = 166 + index * step
            used = layer in config.tower_layers
            drawing.box(x, y + 14, step - 4, 22, f"slab-{one.look}" if used else "faint", 3)
            label = str(layer) if used else ""
            if staged and used:
                states = one.taps[layer]
                label = f"{layer}: {states.states.shape[3]} at 1/{one.side // states.grid[0]}"
            if label:
                drawing.text(x + (step - 4) / 2, y + 30, label, f"middle small {one.look}")
            readers = {
                PROJECTOR: layer == config.visual_layer,
                TOKENS: layer in tapped.taps,
                HEADS: layer in tapped.dense_taps,
            }
            marks = [mark for mark, reads in readers.items() if reads]
            for place, mark in enumerate(marks):
                symbol(drawing, x + (step - 4) / 2 + (place - (len(marks) - 1) / 2) * 13, y + 46, mark)


def projector(drawing: Drawing, shown: Both) -> None:
    """Visual tokens."""
    drawing.path([(214, 260), (214, 300)])
    symbol(drawing, 230, 280, PROJECTOR)
    drawing.box(24, 304, 240, 186)
    drawing.text(40, 330, "Projector", "title")
    drawing.lines(
        40,
        354,
        [
            ("a place of both images is one token:", "lesser"),
            ("F₁|F₂ joined on channels,", ""),
            ("linear, GELU, linear", ""),
        ],
    )
    for y, one in zip((416, 454), shown, strict=True):
        cells = one.taps[one.config.visual_layer].cells
        model = one.model.model
        drawing.text(40, y, f"{cells.shape[2]} × {2 * cells.shape[3]} → {shape(one.seen.visual_tokens)}", one.look)
        drawing.text(40, y + 17, millions(model.projector), f"small {one.look}")
    drawing.path([(144, 490), (144, 746)])
    drawing.text(156, 622, "visual tokens", "lesser")


def delta_module(drawing: Drawing, shown: Both) -> None:
    """Delta tokens: what they read, and how."""
    drawing.path([(475, 260), (475, 300)])
    symbol(drawing, 491, 280, TOKENS)
    drawing.box(290, 304, 370, 356)
    drawing.text(306, 330, "Visual Delta Module", "title")
    for x, one in zip((592, 644), shown, strict=True):
        drawing.text(x, 330, millions(one.model.model.delta), f"{one.look} end")
    drawing.box(306, 344, 338, 128, "inner", 6)
    drawing.text(320, 364, "Memory", "strong")
    drawing.text(378, 364, "states of both images at the taps", "lesser")
    drawing.lines(
        320,
        384,
        [
            ("LayerNorm and linear for each tap", ""),
            ("+ time embedding, before or after", ""),
            ("+ level embedding (+ sine positions of a map)", ""),
        ],
    )
    drawing.lines(320, 440, [(one.memory, one.look) for one in shown], 19)

    drawing.box(306, 492, 118, 100, "inner", 6)
    drawing.lines(320, 512, [("Queries", "strong"), ("learned", "lesser")])
    for y, one in zip((556, 576), shown, strict=True):
        drawing.text(320, y, shape(one.seen.delta.tokens), one.look)
    drawing.path([(424, 542), (446, 542)])
    drawing.box(450, 492, 194, 100, "inner", 6)
    drawing.path([(547, 472), (547, 488)])
    drawing.text(464, 512, "Layers", "strong")
    for x, one in zip((522, 556), shown, strict=True):
        drawing.text(x, 512, f"× {one.config.delta_config.num_hidden_layers}", one.look)
    drawing.lines(464, 536, [("self-attention", ""), ("cross-attention to memory", ""), ("feed-forward", "")], 20)
    drawing.path([(547, 592), (547, 612)])
    drawing.box(450, 616, 194, 32, "inner", 6)
    drawing.text(464, 637, "Delta tokens", "strong")
    drawing.path([(547, 648), (547, 700), (512, 700)])
    drawing.box(290, 684, 218, 32, "inner", 6)
    drawing.text(304, 705, "linear", "")
    for x, one in zip((348, 434), shown, strict=True):
        linear = one.model.model.delta_projector
        drawing.text(x, 705, f"{linear.in_features} → {linear.out_features}", one.look)
    drawing.path([(399, 716), (399, 746)])


def dense_and_heads(drawing: Drawing, shown: Both) -> None:
    """Maps, and what is made of them and of the delta tokens."""
    drawing.path([(831, 260), (831, 300)])
    symbol(drawing, 847, 280, HEADS)
    drawing.box(686, 304, 290, 210)
    drawing.text(702, 330, "Dense delta features", "title")
    drawing.lines(
        702,
        354,
        [("F₁|F₂||F₁−F₂| of each dense tap, or M3Diff's", ""), ("gated difference, on the after image's grid", "")],
    )
    y = 396
    for one in shown:
        for line in one.dense:
            drawing.text(702, y, line, one.look)
            y += 19
    drawing.path([(831, 514), (831, 546)])
    symbol(drawing, 847, 530, HEADS)
    drawing.path([(644, 632), (682, 632)])
    symbol(drawing, 672, 618, TOKENS)
    drawing.box(686, 550, 290, 148)
    drawing.text(702, 576, "Heads", "title")
    drawing.text(758, 576, "trained and saved apart", "lesser")
    for y, head, maps, answer in (
        (606, ChangeMaskHead, True, "where what changed"),
        (640, RegionHead, True, "kind and label of a box"),
        (674, PairHead, False, "changed or not (+ mask score)"),
    ):
        drawing.text(702, y, head.task, "strong")
        drawing.text(758, y, answer)
        for x, mark, reads in ((940, HEADS, maps), (956, TOKENS, head.reads_tokens)):
            if reads:
                symbol(drawing, x, y - 5, mark)


def prompt(drawing: Drawing, shown: Both) -> None:
    """The placeholders, and how many tokens take their places."""
    for words, x, width in (
        ("USER:", 24, 66),
        ("<pair>", 94, 196),
        ("<delta>", 294, 196),
        ("question ASSISTANT:", 494, 166),
    ):
        drawing.box(x, 750, width, 36, "inner", 4)
        drawing.text(x + 12, 773, words)
    for x, tokens in ((154, "visual_tokens"), (360, "delta_tokens")):
        for offset, one in zip((0, 58), shown, strict=True):
            drawing.text(x + offset, 773, f"× {getattr(one.seen, tokens).shape[1]}", one.look)
    drawing.text(686, 765, "the prompt: a task's question,", "lesser")
    drawing.text(686, 783, "tokens in place of placeholders", "lesser")


def language_model(drawing: Drawing, shown: Both) -> None:
    """What reads the prompt, and what it says."""
    drawing.path([(342, 786), (342, 814)])
    drawing.box(24, 818, 636, 70)
    drawing.text(40, 844, "Language model", "title")
    drawing.text(40, 868, "any causal one, its own head and loss", "lesser")
    for y, one in zip((844, 868), shown, strict=True):
        text = one.config.text_config
        name = f"{NAMES[text.model_type]}, {millions(one.model.language_model)}"
        drawing.text(318, y, f"{name}: {text.num_hidden_layers} layers of {text.hidden_size}", one.look)
    drawing.path([(660, 853), (682, 853)])
    drawing.box(686, 818, 290, 70)
    drawing.text(831, 858, "“a house was built in the field”", "middle")


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".svg"))
    parser.parse_args().out.write_text(draw(models()), encoding="utf-8")


if __name__ == "__main__":
    main()
