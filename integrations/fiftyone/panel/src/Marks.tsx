import * as React from "react";
import type { Camera, Size } from "./camera";
import type { Region } from "./types";

type Props = { regions: Region[]; camera: Camera; picture: Size; pane: Size; selected: string | null };
type Rect = { left: number; top: number; width: number; height: number };

const TAG_HEIGHT = 18;

/** Outlines of the regions with their names; names never lie on each other. */
export function Marks({ regions, camera, picture, pane, selected }: Props) {
  const rects = new Map(regions.map((region) => [region.id, placed(region, camera, picture)]));
  const tags = named(regions, rects, pane, selected);
  return (
    <div className="od-marks" data-cy="od-marks">
      {regions.map((region) => (
        <div
          key={region.id}
          className="od-box"
          data-kind={region.kind ?? "changed"}
          data-review={region.review}
          data-run={region.run}
          data-selected={region.id === selected}
          style={rects.get(region.id)}
        />
      ))}
      {tags.map(({ region, text, left, top }) => (
        <span
          key={region.id}
          className="od-tag"
          data-kind={region.kind ?? "changed"}
          data-review={region.review}
          data-run={region.run}
          data-selected={region.id === selected}
          style={{ left, top }}
        >
          {text}
        </span>
      ))}
    </div>
  );
}

function placed({ box: [x, y, w, h] }: Region, camera: Camera, picture: Size): Rect {
  const [scaleX, scaleY] = [picture.width * camera.zoom, picture.height * camera.zoom];
  return { left: camera.x + x * scaleX, top: camera.y + y * scaleY, width: w * scaleX, height: h * scaleY };
}

/** For each region, the selected and the strongest first: number and label, else the number, else nothing. */
function named(regions: Region[], rects: Map<string, Rect>, pane: Size, selected: string | null) {
  const taken: Rect[] = [];
  const found: { region: Region; text: string; left: number; top: number }[] = [];
  const order = [...regions].sort((a, b) => Number(b.id === selected) - Number(a.id === selected));
  for (const region of order) {
    const rect = rects.get(region.id)!;
    if (rect.left > pane.width || rect.top > pane.height || rect.left + rect.width < 0 || rect.top + rect.height < 0) continue;
    const number = region.number === null ? "+" : String(region.number);
    const words = region.run ? [`${region.run}: ${number} ${region.label}`, `${region.run}: ${number}`] : [`${number} ${region.label}`, number];
    for (const text of words) {
      const width = text.length * 6.8 + 10;
      const left = Math.max(2, Math.min(pane.width - width - 2, rect.left));
      const above = rect.top - TAG_HEIGHT;
      const below = rect.top + rect.height;
      const top = [above, below].find(
        (y) => y >= 2 && y + TAG_HEIGHT <= pane.height - 2 && !taken.some((other) => overlap(other, { left, top: y, width, height: TAG_HEIGHT })),
      );
      if (top === undefined) continue;
      taken.push({ left, top, width, height: TAG_HEIGHT });
      found.push({ region, text, left, top });
      break;
    }
  }
  return found;
}

function overlap(a: Rect, b: Rect): boolean {
  return a.left < b.left + b.width + 2 && b.left < a.left + a.width + 2 && a.top < b.top + b.height && b.top < a.top + a.height;
}
