import { useCallback, useEffect, useRef, useState } from "react";

export type Size = { width: number; height: number };

/** Where the picture is in a pane: its upper left corner, and pane pixels per picture pixel. */
export type Camera = { x: number; y: number; zoom: number };

const MOST = 32;

/** The whole picture in the middle; of one much taller than the pane, its full width from the top. */
export function fitted(pane: Size, picture: Size): Camera {
  const whole = Math.min(pane.width / picture.width, pane.height / picture.height);
  const tall = picture.width * whole < pane.width * 0.4;
  const zoom = tall ? Math.min((pane.width * 0.9) / picture.width, 1) : Math.min(whole, 8);
  const y = tall ? 0 : (pane.height - picture.height * zoom) / 2;
  return { x: (pane.width - picture.width * zoom) / 2, y, zoom };
}

/** A region with some of what surrounds it. */
export function framed(pane: Size, picture: Size, [x, y, width, height]: readonly [number, number, number, number]): Camera {
  const [w, h] = [Math.max(width * picture.width, 8), Math.max(height * picture.height, 8)];
  const zoom = Math.min(pane.width / w / 2.5, pane.height / h / 2.5, MOST / 2);
  const [cx, cy] = [(x + width / 2) * picture.width, (y + height / 2) * picture.height];
  return { x: pane.width / 2 - cx * zoom, y: pane.height / 2 - cy * zoom, zoom };
}

/** At least a corner of the picture stays in the pane. */
function kept({ x, y, zoom }: Camera, pane: Size, picture: Size): Camera {
  const [w, h] = [picture.width * zoom, picture.height * zoom];
  const margin = 48;
  return {
    x: Math.min(pane.width - margin, Math.max(margin - w, x)),
    y: Math.min(pane.height - margin, Math.max(margin - h, y)),
    zoom,
  };
}

/** One camera for all panes: what is moved in one moves in the others. */
export function useCamera(pane: Size, picture: Size | null, key: string) {
  const [moved, setMoved] = useState<Camera | null>(null);
  const camera = picture ? (moved ?? fitted(pane, picture)) : null;
  const latest = useRef({ camera, pane, picture });
  latest.current = { camera, pane, picture };

  useEffect(() => setMoved(null), [key]);

  const fit = useCallback(() => setMoved(null), []);
  const frame = useCallback((box: readonly [number, number, number, number]) => {
    const { pane, picture } = latest.current;
    if (picture) setMoved(framed(pane, picture, box));
  }, []);
  const pan = useCallback((dx: number, dy: number) => {
    const { camera, pane, picture } = latest.current;
    if (camera && picture) setMoved(kept({ ...camera, x: camera.x + dx, y: camera.y + dy }, pane, picture));
  }, []);
  /** Around a point of the pane, which stays where it is; the middle unless given. */
  const zoomBy = useCallback((factor: number, at?: { x: number; y: number }) => {
    const { camera, pane, picture } = latest.current;
    if (!camera || !picture) return;
    const least = Math.min(fitted(pane, picture).zoom, pane.height / picture.height) / 2;
    const zoom = Math.min(MOST, Math.max(least, camera.zoom * factor));
    const { x, y } = at ?? { x: pane.width / 2, y: pane.height / 2 };
    const ratio = zoom / camera.zoom;
    setMoved(kept({ x: x - (x - camera.x) * ratio, y: y - (y - camera.y) * ratio, zoom }, pane, picture));
  }, []);
  return { camera, fit, frame, pan, zoomBy };
}

/** The size of an element, kept up to date. */
export function useSize(): [(element: HTMLElement | null) => void, Size] {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const observer = useRef<ResizeObserver | null>(null);
  const ref = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    observer.current = new ResizeObserver(measure);
    observer.current.observe(element);
    measure();
  }, []);
  return [ref, size];
}
