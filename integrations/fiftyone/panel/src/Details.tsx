import * as React from "react";
import { useEffect, useRef, useState } from "react";
import type { Decision, Pair, Region, State } from "./types";

export const WORDS: Record<State, string> = { pending: "Pending", accepted: "Accepted", rejected: "Rejected" };
const KIND_WORDS: Record<string, string> = { added: "added", removed: "removed", changed: "changed", moved: "moved" };

type Props = {
  pair: Pair;
  labels: string[];
  selected: Region | null;
  editing: "caption" | "label" | null;
  shownRuns: string[];
  onSelect: (region: Region | null) => void;
  onEdit: (what: "caption" | "label" | null) => void;
  onDecide: (decision: Decision) => void;
  onRun: (name: string) => void;
};

/** Everything in words: the decision, the caption, the regions, the keys of the labels. */
export function Details(props: Props) {
  const { pair, selected } = props;
  return (
    <div className="od-details">
      <Heading pair={pair} />
      <Caption {...props} />
      <section>
        <h3>
          Regions <span className="od-dim">{pair.region_total}</span>
          {selected ? (
            <button className="od-link" onClick={() => props.onSelect(null)} title="Decide about the whole pair (Esc)">
              whole pair
            </button>
          ) : null}
        </h3>
        {pair.regions.length ? (
          <ol className="od-regions" data-cy="od-regions">
            {pair.regions.map((region) => (
              <Item key={region.id} region={region} chosen={region.id === selected?.id} onSelect={props.onSelect} />
            ))}
          </ol>
        ) : (
          <p className="od-dim">Nothing was found to have changed.</p>
        )}
        {pair.region_total > pair.regions.length ? (
          <p className="od-dim">The {pair.regions.length} strongest are shown.</p>
        ) : null}
      </section>
      {pair.regions.length ? <Labels {...props} /> : null}
      {pair.runs.length ? (
        <section>
          <h3>Other runs</h3>
          {pair.runs.map((run) => (
            <label key={run.name} className="od-run">
              <input type="checkbox" checked={props.shownRuns.includes(run.name)} onChange={() => props.onRun(run.name)} />
              {runName(run.name)} <span className="od-dim">{run.regions.length} regions</span>
            </label>
          ))}
        </section>
      ) : null}
    </div>
  );
}

/** What the run was called, without what its field is called for it. */
export const runName = (field: string) => field.replace(/^run_/, "");

function Heading({ pair }: { pair: Pair }) {
  const verdict = pair.changed === null ? "undecided" : pair.changed ? "changed" : "unchanged";
  return (
    <header>
      <div className="od-title">
        <b title={pair.id}>{pair.id}</b>
        <span className="od-chip" data-state={pair.review} data-cy="od-review">
          {WORDS[pair.review]}
        </span>
      </div>
      <p className="od-facts">
        {pair.domain ? <span>{pair.domain}</span> : null}
        <span>
          {verdict}
          {pair.score === null ? "" : ` ${pair.score.toFixed(2)}`}
        </span>
        {pair.detector ? <span>{pair.detector}</span> : null}
        {pair.residual === null ? null : <span title="Residual of the registration">±{pair.residual.toFixed(2)} px</span>}
      </p>
      {pair.reason ? <p className="od-dim">{pair.reason}</p> : null}
      {pair.outdated ? <p className="od-warn">The result changed after this was decided. Decide again, or leave it.</p> : null}
    </header>
  );
}

function Caption({ pair, selected, editing, onEdit, onDecide }: Props) {
  const written = selected ? selected.caption : pair.caption;
  const regions = selected ? [selected.id] : [];
  return (
    <section>
      <h3>
        {selected ? `Caption of region ${selected.number ?? ""}` : "Caption"}
        {editing === "caption" ? null : (
          <button className="od-link" onClick={() => onEdit("caption")} title="Edit (e)">
            edit
          </button>
        )}
      </h3>
      {editing === "caption" ? (
        <Edit
          key={selected?.id ?? pair.sample}
          text={written}
          cy="od-caption-edit"
          onCancel={() => onEdit(null)}
          onSave={(value) => {
            onDecide({ action: "caption", value, regions });
            onEdit(null);
          }}
        />
      ) : (
        <p data-cy="od-caption" className={written ? "od-caption" : "od-dim"}>
          {written || "No caption yet."}
        </p>
      )}
      {!selected && pair.model_caption && pair.model_caption !== pair.caption ? (
        <p className="od-dim">The model wrote: {pair.model_caption}</p>
      ) : null}
    </section>
  );
}

function Labels({ labels, selected, editing, onEdit, onDecide }: Props) {
  const give = (value: string) => selected && onDecide({ action: "label", value, regions: [selected.id] });
  return (
    <section>
      <h3>
        Labels
        {selected && editing !== "label" ? (
          <button className="od-link" onClick={() => onEdit("label")} title="Another label (l)">
            another
          </button>
        ) : null}
      </h3>
      {editing === "label" && selected ? (
        <Edit
          text={selected.label}
          cy="od-label-edit"
          short
          onCancel={() => onEdit(null)}
          onSave={(value) => {
            if (value.trim()) give(value);
            onEdit(null);
          }}
        />
      ) : null}
      <div className="od-labels">
        {labels.map((label, i) => (
          <button
            key={label}
            className="od-label"
            data-on={selected?.label === label}
            disabled={!selected}
            onClick={() => give(label)}
          >
            <kbd>{i + 1}</kbd>
            <span>{label}</span>
          </button>
        ))}
      </div>
      {selected ? null : <p className="od-dim">Select a region to label it: click it, or press j.</p>}
    </section>
  );
}

type ItemProps = { region: Region; chosen: boolean; onSelect: (region: Region | null) => void };

function Item({ region, chosen, onSelect }: ItemProps) {
  const element = useRef<HTMLLIElement | null>(null);
  useEffect(() => {
    if (chosen) element.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const kind = region.kind ?? "changed";
  return (
    <li ref={element}>
      <button
        className="od-region"
        data-kind={kind}
        data-selected={chosen}
        data-review={region.review}
        onClick={() => onSelect(chosen ? null : region)}
      >
        <span className="od-number">{region.number ?? "+"}</span>
        <span className="od-name">
          <b>{region.label}</b>
          {region.label === kind ? null : <span className="od-dim"> {KIND_WORDS[kind]}</span>}
        </span>
        <span className="od-mark">{{ pending: "", accepted: "✓", rejected: "✗" }[region.review]}</span>
        <span className="od-dim od-figure">{region.score === null ? "" : region.score.toFixed(2)}</span>
      </button>
    </li>
  );
}

type EditProps = { text: string; cy: string; short?: boolean; onSave: (text: string) => void; onCancel: () => void };

/** Enter saves, Escape leaves it as it was. */
function Edit({ text, cy, short, onSave, onCancel }: EditProps) {
  const [value, setValue] = useState(text);
  const element = useRef<HTMLTextAreaElement | null>(null);
  const latest = useRef({ value, onSave, onCancel });
  latest.current = { value, onSave, onCancel };
  // Not React's listener: keys never get as far as the page's root, where that one would be.
  useEffect(() => {
    const area = element.current!;
    area.focus();
    area.select();
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        latest.current.onSave(latest.current.value);
      } else if (event.key === "Escape") latest.current.onCancel();
    });
  }, []);
  return (
    <div className="od-edit">
      <textarea
        ref={element}
        data-cy={cy}
        rows={short ? 1 : 4}
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <div className="od-row">
        <button className="od-button" onClick={() => onSave(value)}>
          Save <kbd>Enter</kbd>
        </button>
        <button className="od-button" onClick={onCancel}>
          Cancel <kbd>Esc</kbd>
        </button>
      </div>
    </div>
  );
}
