import { getSampleSrc } from "@fiftyone/state";
import * as React from "react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Camera, Size } from "./camera";
import { Marks } from "./Marks";
import type { Mode, Pair, Region } from "./types";

const BLINK_MS = 650;

type Props = {
  pair: Pair;
  mode: Mode;
  camera: Camera | null;
  picture: Size | null;
  pane: Size;
  paneRef: (element: HTMLElement | null) => void;
  regions: Region[];
  showMarks: boolean;
  showScore: boolean;
  selected: string | null;
  onSelect: (id: string | null) => void;
  onPicture: (sample: string, size: Size) => void;
  onPan: (dx: number, dy: number) => void;
  onZoom: (factor: number, at: { x: number; y: number }) => void;
  onFit: () => void;
};

/** Both pictures, in one of three views; all panes look through one camera. */
export function Stage(props: Props) {
  const { pair, mode, pane, paneRef } = props;
  const [split, setSplit] = useState(50);
  const [phase, setPhase] = useState<"before" | "after">("after");

  useEffect(() => {
    if (mode !== "blink") return;
    const timer = window.setInterval(() => setPhase((now) => (now === "after" ? "before" : "after")), BLINK_MS);
    return () => window.clearInterval(timer);
  }, [mode, pair.sample]);

  if (mode === "side") {
    return (
      <div className="od-stage od-side">
        <Pane {...props} of="before" refTo={paneRef} />
        <Pane {...props} of="after" />
      </div>
    );
  }
  if (mode === "blink") {
    return (
      <div className="od-stage">
        <Pane {...props} of={phase} refTo={paneRef} both />
      </div>
    );
  }
  return (
    <div className="od-stage">
      <Pane {...props} of="slider" split={split} refTo={paneRef} />
      <div className="od-line" style={{ left: `${split}%` }} aria-hidden />
      <Handle split={split} width={pane.width} onSplit={setSplit} />
      <input
        className="od-range"
        data-cy="od-slider"
        type="range"
        min={0}
        max={100}
        step={0.5}
        value={split}
        aria-label="Before on the left, after on the right"
        onChange={(event) => setSplit(Number(event.target.value))}
      />
    </div>
  );
}

function Handle({ split, width, onSplit }: { split: number; width: number; onSplit: (to: number) => void }) {
  const from = useRef<{ x: number; split: number } | null>(null);
  return (
    <div
      className="od-handle"
      data-cy="od-handle"
      style={{ left: `${split}%` }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { x: event.clientX, split };
      }}
      onPointerMove={(event) => {
        if (!from.current || !width) return;
        const to = from.current.split + ((event.clientX - from.current.x) / width) * 100;
        onSplit(Math.min(100, Math.max(0, to)));
      }}
      onPointerUp={() => (from.current = null)}
    >
      <span aria-hidden>‹›</span>
    </div>
  );
}

type PaneProps = Props & {
  of: "before" | "after" | "slider";
  split?: number;
  both?: boolean;
  refTo?: (element: HTMLElement | null) => void;
};

function Pane(props: PaneProps) {
  const { pair, of, camera, picture, regions, split = 50 } = props;
  const gestures = useGestures(props);
  const before = pair.aligned ?? pair.before;
  const layer: React.CSSProperties = camera && picture ? placed(camera, picture) : { visibility: "hidden" };
  const grain = camera && camera.zoom > 3 ? "od-picture od-pixels" : "od-picture";
  const slider = of === "slider";
  const clip = slider ? { clipPath: `inset(0 0 0 ${split}%)` } : undefined;
  return (
    <div className="od-pane" ref={props.refTo} {...gestures} data-cy={`od-pane-${of}`}>
      {/* While it blinks both pictures stay loaded, so that neither flickers in. */}
      {of !== "after" || props.both ? (
        <div className="od-fill" style={props.both && of === "after" ? { visibility: "hidden" } : undefined}>
          <div className="od-layer" style={layer}>
            <Picture path={before} className={grain} side="before" />
          </div>
        </div>
      ) : null}
      {of !== "before" || props.both ? (
        <div className="od-fill" style={props.both && of === "before" ? { visibility: "hidden" } : clip}>
          <div className="od-layer" style={layer}>
            <Picture
              path={pair.after}
              className={grain}
              side="after"
              onSize={(size) => props.onPicture(pair.sample, size)}
            />
          </div>
        </div>
      ) : null}
      {props.showScore && pair.score_map && of !== "before" ? (
        <div className="od-layer" style={layer}>
          <Score path={pair.score_map} />
        </div>
      ) : null}
      {props.showMarks && camera && picture ? (
        <Marks
          regions={of === "before" ? regions.filter((region) => region.kind !== "added") : regions}
          camera={camera}
          picture={picture}
          pane={props.pane}
          selected={props.selected}
        />
      ) : null}
      {slider ? (
        <>
          <span className="od-side-name od-left">Before</span>
          <span className="od-side-name od-right">After</span>
        </>
      ) : (
        <span className="od-side-name od-left">{of === "before" ? "Before" : "After"}</span>
      )}
    </div>
  );
}

function placed(camera: Camera, picture: Size): React.CSSProperties {
  const { x, y, zoom } = camera;
  return { width: picture.width * zoom, height: picture.height * zoom, transform: `translate(${x}px, ${y}px)` };
}

/** Dragging pans, the wheel zooms at the pointer, a click selects the smallest region under it. */
function useGestures({ camera, picture, regions, showMarks, onPan, onZoom, onSelect, onFit }: PaneProps) {
  const from = useRef<{ x: number; y: number; far: boolean } | null>(null);
  const element = useRef<HTMLDivElement | null>(null);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;

  // React listens to wheels passively, and the page must not scroll meanwhile.
  const onWheel = useCallback((event: WheelEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    zoom.current(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), at);
  }, []);
  const onPointerEnter = (event: React.PointerEvent<HTMLDivElement>) => {
    if (element.current === event.currentTarget) return;
    element.current = event.currentTarget;
    event.currentTarget.addEventListener("wheel", onWheel, { passive: false });
  };

  return {
    onPointerEnter,
    onPointerDown: (event: React.PointerEvent<HTMLDivElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = { x: event.clientX, y: event.clientY, far: false };
    },
    onPointerMove: (event: React.PointerEvent<HTMLDivElement>) => {
      const start = from.current;
      if (!start) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      if (!start.far && Math.hypot(dx, dy) < 4) return;
      from.current = { x: event.clientX, y: event.clientY, far: true };
      onPan(dx, dy);
    },
    onPointerUp: (event: React.PointerEvent<HTMLDivElement>) => {
      const start = from.current;
      from.current = null;
      if (!start || start.far || !camera || !picture || !showMarks) return;
      const box = event.currentTarget.getBoundingClientRect();
      const x = (event.clientX - box.left - camera.x) / camera.zoom / picture.width;
      const y = (event.clientY - box.top - camera.y) / camera.zoom / picture.height;
      const under = regions.filter(({ box: [l, t, w, h] }) => x >= l && x <= l + w && y >= t && y <= t + h);
      under.sort((a, b) => a.box[2] * a.box[3] - b.box[2] * b.box[3]);
      onSelect(under[0]?.id ?? null);
    },
    onDoubleClick: onFit,
  };
}

type PictureProps = {
  path: string | null;
  className: string;
  side: "before" | "after";
  onSize?: (size: Size) => void;
};

function Picture({ path, className, side, onSize }: PictureProps) {
  const [missing, setMissing] = useState(false);
  useEffect(() => setMissing(false), [path]);
  if (!path || missing) {
    return (
      <div className="od-missing">
        {path ? `The ${side} image cannot be loaded: ${path}` : `This pair has no ${side} image.`}
      </div>
    );
  }
  return (
    <img
      className={className}
      data-cy={`od-${side}`}
      src={getSampleSrc(path)}
      alt={side === "before" ? "Before" : "After"}
      draggable={false}
      onError={() => {
        setMissing(true);
        // Something to lay the message and the regions out on.
        onSize?.({ width: 800, height: 600 });
      }}
      onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => onSize?.({ width, height })}
    />
  );
}

/** The score map: its grey is how opaque the colour is. */
function Score({ path }: { path: string }) {
  const mask = `url("${getSampleSrc(path)}")`;
  const style = { maskImage: mask, maskMode: "luminance", maskSize: "100% 100%" } as React.CSSProperties;
  return <div className="od-score" data-cy="od-score" style={style} />;
}
