"""How well the UI domain does on real and rendered screenshot pairs.

    python benchmarks/ui_boxes.py                      # every UI set under ONEDIFF_DATA or ../shared/data
    python benchmarks/ui_boxes.py layout_shift recolour --each
    python benchmarks/ui_boxes.py mined_fyne --draw overlays/

Tables: boxes hit at IoU 0.3 and the share of flagged pixels outside the true boxes (layout_shift), region F1
(recolour), verdicts (all others), and the time from files to record.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from onediff_plugins import Host, PairFailure, PairRequest
from onediff_ui import plugin

IOU = 0.3
COLOURS = {"added": (0, 160, 0), "removed": (200, 0, 0), "changed": (230, 120, 0), "moved": (0, 90, 230)}


def data_root() -> Path:
    return Path(os.environ.get("ONEDIFF_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def iou(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def corners(box) -> tuple[float, float, float, float]:
    x, y, width, height = box
    return x, y, x + width, y + height


def matched(truth, found) -> int:
    """True boxes that some region hits, one to one, best pairs first."""
    pairs = sorted(((iou(t, f), i, j) for i, t in enumerate(truth) for j, f in enumerate(found)), reverse=True)
    used_t, used_f = set(), set()
    for value, i, j in pairs:
        if value >= IOU and i not in used_t and j not in used_f:
            used_t.add(i)
            used_f.add(j)
    return len(used_t)


def layout_row(pair, result) -> dict:
    content = [region for region in result.regions if region.kind != "moved"]
    inside = np.zeros(result.mask.shape, bool)
    hits, total = 0, len(pair["regions_after"])
    names_before = {name: box for name, *box in pair["regions_before"]}
    for name, *box in pair["regions_after"]:
        gone = box[2] == 0
        truth = corners(names_before[name] if gone else box)
        x0, y0, x1, y1 = (
            int(np.floor(truth[0])),
            int(np.floor(truth[1])),
            int(np.ceil(truth[2])),
            int(np.ceil(truth[3])),
        )
        inside[y0:y1, x0:x1] = True
        boxes = [r.bbox_before if gone else r.bbox_after for r in content]
        hits += any(b is not None and iou(truth, b) >= IOU for b in boxes)
    flagged = np.count_nonzero(result.mask)
    outside = np.count_nonzero(result.mask.astype(bool) & ~inside) / flagged if flagged else 0.0
    return {"hits": hits, "boxes": total, "outside": outside}


def recolour_row(pair, result) -> dict:
    truth = [corners(region["bbox_xywh"]) for region in pair["regions"]]
    found = [r.bbox_after or r.bbox_before for r in result.regions if r.kind != "moved"]
    return {"hits": matched(truth, found), "boxes": len(truth), "found": len(found)}


def draw(result, path: Path) -> None:
    sides = []
    for frame, key in ((result.pair.before, "bbox_before"), (result.pair.after, "bbox_after")):
        pixels = np.ascontiguousarray(frame.hwc)
        picture = (
            pixels.copy() if pixels.dtype == np.uint8 else (pixels / np.iinfo(pixels.dtype).max * 255).astype(np.uint8)
        )
        if key == "bbox_after":
            flagged = result.mask > 0
            picture[flagged] = picture[flagged] // 2 + np.array([127, 0, 80], np.uint8)
        for region in result.regions:
            box = getattr(region, key)
            if box is None:
                continue
            x0, y0, x1, y1 = (round(v) for v in box)
            cv2.rectangle(picture, (x0 - 1, y0 - 1), (x1, y1), COLOURS[region.kind], 2)
            cv2.putText(
                picture, f"{region.kind[0]}{region.score:.2f}", (x0, max(y0 - 3, 9)), 0, 0.4, COLOURS[region.kind], 1
            )
        sides.append(picture)
    height = max(side.shape[0] for side in sides)
    padded = [
        cv2.copyMakeBorder(s, 0, height - s.shape[0], 0, 6, cv2.BORDER_CONSTANT, value=(90, 90, 90)) for s in sides
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.hstack(padded), cv2.COLOR_RGB2BGR))


def expectation(name: str, pair: dict) -> bool | None:
    """True where a change is expected, False where none is, None where nothing is said."""
    said = str(pair.get("expected", ""))
    if said.startswith("differ"):
        return True
    if said == "match" or said.startswith("match"):
        return False
    if "expected_diff_pixels" in pair:
        return pair["expected_diff_pixels"] > 0
    if name.startswith("mined_") or name == "recolour":
        return True
    return False if name.startswith(("noise_", "xr_")) else None


def run_set(host: Host, name: str, args) -> dict:
    root = data_root() / name
    rows = []
    for index, line in enumerate((root / "pairs.jsonl").read_text().splitlines()):
        if args.only and index not in args.only:
            continue
        pair = json.loads(line)
        request = PairRequest(
            before=str(root / pair["before"]), after=str(root / pair["after"]), domain="ui", id=pair["id"]
        )
        started = time.process_time()
        result = next(iter(host.compare_many([request])))
        elapsed = (time.process_time() - started) * 1000
        if isinstance(result, PairFailure):
            print(f"  FAILED {pair['id']}: {result.error.message}")
            rows.append({"failed": True})
            continue
        row = {"id": pair["id"], "ms": elapsed, "changed": bool(result.changed), "expected": expectation(name, pair)}
        row["size"] = "x".join(map(str, (result.after.width, result.after.height)))
        row["timings"] = result.timings_ms
        row["any"] = bool(result.regions)
        if name == "layout_shift":
            row |= layout_row(pair, result)
        if name == "recolour":
            row |= recolour_row(pair, result)
        if args.each or (args.wrong and row["expected"] is not None and row["expected"] != row["changed"]):
            kinds = {kind: sum(r.kind == kind for r in result.regions) for kind in COLOURS}
            print(
                f"  {index} {pair['id']} {row['size']} changed={row['changed']} expected={row['expected']}",
                f"score={result.score:.2f}",
                {k: v for k, v in kinds.items() if v},
                {k: round(float(v), 3) for k, v in row.items() if k in ("hits", "boxes", "outside", "found")},
                f"{elapsed:.0f} ms",
            )
            if args.each:
                print("     ", result.caption, {k: round(v) for k, v in result.timings_ms.items()})
        if args.draw:
            draw(result, Path(args.draw) / f"{pair['id']}.png")
        rows.append(row)
    return summarise(name, rows)


def summarise(name: str, rows: list[dict]) -> dict:
    good = [row for row in rows if "failed" not in row]
    judged = [row for row in good if row["expected"] is not None]
    summary = {
        "set": name,
        "pairs": len(rows),
        "failed": len(rows) - len(good),
        "flagged": sum(row["changed"] for row in good),
        "with_moves": sum(row["any"] for row in good),
        "right": f"{sum(row['changed'] == row['expected'] for row in judged)}/{len(judged)}",
        "ms": round(statistics.median(row["ms"] for row in good)) if good else 0,
    }
    if name == "layout_shift":
        hit, boxes = sum(r["hits"] for r in good), sum(r["boxes"] for r in good)
        shifted = [r["outside"] for r in good if any(word in r["id"] for word in ("insert", "banner"))]
        summary |= {"hit": f"{hit}/{boxes}", "outside_max": round(max(shifted, default=0), 3)}
    if name == "recolour":
        hit, boxes, found = (sum(r[key] for r in good) for key in ("hits", "boxes", "found"))
        summary |= {"hit": f"{hit}/{boxes}", "found": found, "F1": round(2 * hit / max(boxes + found, 1), 3)}
    return summary


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--each", action="store_true", help="a line per pair")
    parser.add_argument("--wrong", action="store_true", help="a line per pair whose verdict is not the expected one")
    parser.add_argument("--draw", help="folder for pictures of what was found")
    parser.add_argument("--only", type=lambda text: {int(n) for n in text.split(",")}, help="numbers of pairs, from 0")
    parser.add_argument("--set", action="append", default=[], help="setting as KEY=VALUE", dest="settings")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    prefixes = ("layout_shift", "recolour", "fx_", "noise_", "xr_", "mined_")
    names = args.sets or sorted(p.name for p in data_root().iterdir() if p.name.startswith(prefixes))
    settings = dict(item.split("=", 1) for item in args.settings)
    host = Host(plugins=[plugin], entry_points=False, settings=settings)
    summaries = [run_set(host, name, args) for name in names]
    for summary in summaries:
        print("  ".join(f"{key}={value}" for key, value in summary.items()))
    for prefix in ("fx_", "noise_", "xr_", "mined_"):
        group = [s for s in summaries if s["set"].startswith(prefix)]
        if group:
            right = [tuple(map(int, s["right"].split("/"))) for s in group]
            print(
                f"{prefix}*: right {sum(r for r, _ in right)}/{sum(n for _, n in right)}, "
                f"flagged {sum(s['flagged'] for s in group)}, "
                f"moves counted {sum(s['with_moves'] for s in group)} of {sum(s['pairs'] for s in group)}"
            )
    return 1 if any(s["failed"] for s in summaries) else 0


if __name__ == "__main__":
    sys.exit(main())
