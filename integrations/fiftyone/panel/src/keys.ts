import { useEffect, useRef } from "react";

/** Every key, in the order in which the help shows them. */
export const KEYS = {
  a: "accept the pair, or the selected region",
  r: "reject it",
  u: "undo the last decision",
  e: "edit the caption",
  "1 - 9": "label the selected region",
  l: "label it with another word",
  "n  →": "next pair",
  "p  ←": "previous pair",
  "j / k": "next and previous region",
  "s  d  b": "slider, side by side, blink",
  o: "regions on and off",
  h: "score on and off",
  "+  -  0": "zoom in, zoom out, whole picture",
  z: "zoom to the selected region",
  Esc: "select nothing",
  "?": "this list",
} as const;

/** Calls back with each key pressed inside an element, none of which the App sees; true means that it was used. */
export function useKeys(element: React.RefObject<HTMLElement>, onKey: (key: string) => boolean) {
  const latest = useRef(onKey);
  latest.current = onKey;
  useEffect(() => {
    const root = element.current;
    if (!root) return;
    const listen = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.matches("textarea, select, input:not([type=range])");
      if (!typing && (event.ctrlKey || event.metaKey || event.altKey)) return;
      // The slider is moved by its own arrow keys.
      const sliding = target.matches("input[type=range]") && event.key.startsWith("Arrow");
      if (typing || sliding) {
        if (event.key !== "Tab") event.stopPropagation();
        return;
      }
      if (latest.current(event.key)) {
        event.preventDefault();
        event.stopPropagation();
      }
    };
    root.addEventListener("keydown", listen);
    return () => root.removeEventListener("keydown", listen);
  }, []);
}
