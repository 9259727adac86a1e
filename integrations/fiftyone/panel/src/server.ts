import { useTriggerPanelEvent } from "@fiftyone/operators";
import { useMemo, useRef } from "react";
import type { Answer } from "./types";

/** Addresses of the Python half's methods, as the App hands them over. */
export type Methods = Record<"start" | "window" | "pair" | "decide" | "undo", string>;

export type Server = {
  /** Asks for something; answers may overtake each other. */
  ask(method: keyof Methods, params: object): Promise<Answer>;
  /** Writes something, or reads what was written: one after the other, in the order of the key presses. */
  write(method: keyof Methods, params: object | (() => object)): Promise<Answer>;
};

export function useServer(methods: Methods): Server {
  const trigger = useTriggerPanelEvent();
  const latest = useRef({ trigger, methods });
  latest.current = { trigger, methods };
  return useMemo(() => {
    const ask = (method: keyof Methods, params: object) =>
      new Promise<Answer>((resolve) => {
        latest.current.trigger(latest.current.methods[method], params, false, (answer) => {
          const failed = answer?.error || answer?.errorMessage;
          resolve(failed ? { problem: told(failed) } : ((answer?.result as Answer) ?? { problem: "The server gave no answer." }));
          return false;
        });
      });
    let last: Promise<unknown> = Promise.resolve();
    const write: Server["write"] = (method, params) => {
      const next = last.then(() => ask(method, typeof params === "function" ? params() : params));
      last = next;
      return next;
    };
    return { ask, write };
  }, []);
}

/** The last line of a traceback says what happened. */
function told(failed: unknown): string {
  const lines = String(failed).trim().split("\n");
  return `The server failed: ${lines[lines.length - 1] ?? "unknown reason"}`;
}
