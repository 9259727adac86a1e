"""What was measured as Markdown. Cells are medians, in brackets the least and largest of the rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cost.timing import Spread
from onediff_core.evaluation.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Found = dict[str, Any]


def milliseconds(seconds: Iterable[float]) -> str:
    """Such as "52 ms (50 to 61)"."""
    return Spread.of(seconds).text(1000.0, unit="ms")


def tiny(detect: Sequence[Sequence[float]], caption: Sequence[Sequence[float]], peak_mb: float) -> str:
    """`onediff-tiny` against its limits, from rounds of (wall, processor) seconds."""
    rows = []
    for what, limit, found in (
        ("a 256x256 pair to probabilities of 4 classes", "120 ms", detect),
        ("a 256x256 pair to a caption of 20 tokens", "250 ms", caption),
    ):
        wall, processor = zip(*found, strict=True)
        rows.append([what, milliseconds(processor), milliseconds(wall), limit])
    rows.append(["peak memory of a process that did both", f"{peak_mb:.0f} MB", "-", "900 MB"])
    return markdown(["what", "processor", "on the clock", "limit"], rows)


def llava(ours: Found, theirs: Found) -> str:
    """Two contenders of `cost.beside_llava.compare`; ratios are of rounds that followed each other."""
    both = (ours, theirs)
    parameters = [f"{one['parameters'] / 1e6:.0f} M" for one in both]
    tokens = [str(one["tokens"]) for one in both]
    return markdown(
        ["what", "OneDiff", "LLaVA type", "ratio", "limit"],
        [
            ["parameters", *parameters, "-", "-"],
            ["tokens for two images", *tokens, f"{ours['tokens'] / theirs['tokens']:.2f}", "-"],
            *times("pixels to the first token", "prefill", both, "at most 0.8"),
            *(part_times(part, both) for part in ours["rounds"][0]["parts"]),
            *times("each further token", "decode", both, "at most 1.11"),  # 1 / 0.9: at least 0.9 of its speed
        ],
    )


def times(what: str, key: str, both: Sequence[Found], limit: str) -> list[list[str]]:
    """A row by the clock and one by the processor."""
    rows = []
    for kind, which in (("on the clock", 0), ("processor", 1)):
        ours, theirs = ([entry[key][which] for entry in one["rounds"]] for one in both)
        ratio = Spread.of(mine / other for mine, other in zip(ours, theirs, strict=True)).text(digits=2)
        rows.append([f"{what}, {kind}", milliseconds(ours), milliseconds(theirs), ratio, limit])
    return rows


def part_times(part: str, both: Sequence[Found]) -> list[str]:
    """Processor time of one part before the first token."""
    seconds = [[entry["parts"][part] for entry in one["rounds"] if part in entry["parts"]] for one in both]
    return [f"of that: {part}", *(milliseconds(some) if some else "-" for some in seconds), "-", "-"]


def gpu(found: Found) -> str:
    """What `cost.gpu` found, by model."""
    rows = []
    for name, one in found.items():
        for pairs, captions in one["captions"].items():
            cells = ["does not fit", "-", "-"]
            if captions["fits"]:
                speed = Spread.of(int(pairs) / seconds for seconds in captions["seconds"])
                cells = [speed.text(digits=2, unit="pairs/s"), peak(captions), "-"]
            rows.append([name, f"captions, batch {pairs}", *cells])
        step = one["step"]
        cells = ["does not fit", "-", "-"]
        if step["fits"]:
            rate = step["flop"] / Spread.of(step["seconds"]).median / 1e12
            cells = [milliseconds(step["seconds"]), peak(step), f"{rate:.1f}"]
        rows.append([name, f"a step of training, batch {step['pairs']}", *cells])
    return markdown(["model", "what", "speed", "peak memory", "TFLOP/s"], rows)


def peak(found: Found) -> str:
    """Gigabytes on the device; "-" where there is none."""
    return "-" if found["peak_gb"] is None else f"{found['peak_gb']:.1f} GB"
