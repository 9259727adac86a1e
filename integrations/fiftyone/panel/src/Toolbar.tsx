import * as React from "react";
import type { Queue } from "./queue";
import { type Mode, type Shown, STATES } from "./types";
import { WORDS } from "./Details";

const MODE_WORDS: Record<Mode, string> = { slider: "Slider", side: "Side by side", blink: "Blink" };
const MODE_KEYS: Record<Mode, string> = { slider: "s", side: "d", blink: "b" };

type Props = {
  queue: Queue;
  modal: boolean;
  state: Shown;
  mode: Mode;
  modes: readonly Mode[];
  showMarks: boolean;
  showScore: boolean;
  hasScore: boolean;
  selection: number;
  onState: (state: Shown) => void;
  onMode: (mode: Mode) => void;
  onMarks: () => void;
  onScore: () => void;
  onStep: (by: number) => void;
  onFit: () => void;
  onZoom: (factor: number) => void;
  onHelp: () => void;
};

/** Where one is in the queue, which queue it is, and how the pictures are shown. */
export function Toolbar(props: Props) {
  const { queue, modal, state, mode, selection } = props;
  const counts = queue.counts;
  return (
    <nav className="od-toolbar">
      <div className="od-group">
        <button className="od-button" onClick={() => props.onStep(-1)} title="Previous (p)" aria-label="Previous pair">
          ‹
        </button>
        {modal ? null : (
          <span className="od-position" data-cy="od-position">
            {queue.pairs.length ? `${queue.index + 1} of ${queue.size}` : "0 of 0"}
          </span>
        )}
        <button className="od-button" onClick={() => props.onStep(1)} title="Next (n)" aria-label="Next pair">
          ›
        </button>
      </div>
      {modal ? null : (
        <select
          className="od-select"
          data-cy="od-state"
          value={state}
          aria-label="Which pairs"
          onChange={(event) => props.onState(event.target.value as Shown)}
        >
          <option value="all">All pairs</option>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {WORDS[one]}
              {counts ? ` (${counts[one]})` : ""}
            </option>
          ))}
        </select>
      )}
      {selection ? <span className="od-chip">Selection</span> : null}
      <span className="od-space" />
      <div className="od-group od-modes" role="radiogroup" aria-label="View">
        {props.modes.map((one) => (
          <button
            key={one}
            className="od-button"
            role="radio"
            aria-checked={one === mode}
            data-on={one === mode}
            data-cy={`od-mode-${one}`}
            title={`${MODE_WORDS[one]} (${MODE_KEYS[one]})`}
            onClick={() => props.onMode(one)}
          >
            {MODE_WORDS[one]}
          </button>
        ))}
      </div>
      <div className="od-group">
        <button className="od-button" data-on={props.showMarks} aria-pressed={props.showMarks} onClick={props.onMarks} title="Regions (o)">
          Regions
        </button>
        <button
          className="od-button"
          data-on={props.showScore && props.hasScore}
          aria-pressed={props.showScore}
          disabled={!props.hasScore}
          onClick={props.onScore}
          title={props.hasScore ? "Score (h)" : "This pair has no score map"}
        >
          Score
        </button>
      </div>
      <div className="od-group">
        <button className="od-button" onClick={() => props.onZoom(0.8)} title="Zoom out (-)" aria-label="Zoom out">
          −
        </button>
        <button className="od-button" onClick={props.onFit} title="Whole picture (0)">
          Fit
        </button>
        <button className="od-button" onClick={() => props.onZoom(1.25)} title="Zoom in (+)" aria-label="Zoom in">
          +
        </button>
      </div>
      <button className="od-button" onClick={props.onHelp} title="Keys (?)" aria-label="Keys">
        ?
      </button>
    </nav>
  );
}
