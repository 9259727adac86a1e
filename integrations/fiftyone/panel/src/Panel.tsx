import { getSampleSrc, modalNavigation, refresher, useSetExpandedSample } from "@fiftyone/state";
import * as React from "react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useRecoilValue } from "recoil";
import { type Size, useCamera, useSize } from "./camera";
import { Details, runName } from "./Details";
import { KEYS, useKeys } from "./keys";
import css from "./panel.css?inline";
import { useQueue } from "./queue";
import { type Methods, useServer } from "./server";
import { Stage } from "./Stage";
import { Toolbar } from "./Toolbar";
import { type Decision, type Mode, MODES, type Pair, type Shown, type State } from "./types";

type Data = { queue?: string; selected?: string[]; current?: string | null; region?: string | null };
type Props = { data?: Data; schema: { view: Methods } };

const MODE_KEYS: Record<string, Mode> = { s: "slider", d: "side", b: "blink" };

/** The panel: a queue of pairs, one of which is on the stage. */
export function ChangeReview({ data, schema }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const [modal, setModal] = useState<boolean | null>(null);
  const [light, setLight] = useState(false);
  const server = useServer(schema.view);
  const setExpanded = useSetExpandedSample();

  const [state, setState] = useState<Shown>("all");
  const [mode, setMode] = useState<Mode>("slider");
  const [showMarks, setShowMarks] = useState(true);
  const [showScore, setShowScore] = useState(false);
  const [editing, setEditing] = useState<"caption" | "label" | null>(null);
  const [help, setHelp] = useState(false);
  const [shownRuns, setShownRuns] = useState<string[]>([]);
  const [regionId, setRegionId] = useState<string | null>(null);

  useEffect(() => {
    setModal(Boolean(root.current?.closest("#modal")));
    root.current?.focus({ preventScroll: true });
    return watchTheme(root.current!, setLight);
  }, []);

  const chosen = data?.selected?.length ? data.selected : null;
  const { queue, step, decide, undo, notice } = useQueue({
    server,
    epoch: modal === null ? undefined : data?.queue,
    refresh: useRecoilValue(refresher),
    state,
    samples: modal ? null : chosen,
    group: modal ? (data?.current ?? null) : null,
    modal: Boolean(modal),
  });
  const pair: Pair | undefined = queue.pairs[queue.index];
  const region = pair?.regions.find((one) => one.id === regionId) ?? null;

  // A region that is selected in the sample viewer is selected here.
  useEffect(() => {
    if (data?.region) setRegionId(data.region);
  }, [data?.region]);
  useEffect(() => setEditing(null), [pair?.sample]);
  usePreloaded(queue.pairs, queue.index);

  const [paneRef, pane] = useSize();
  const [sizes, setSizes] = useState<Record<string, Size>>({});
  const onPicture = useCallback(
    (sample: string, size: Size) => setSizes((known) => (known[sample] ? known : { ...known, [sample]: size })),
    [],
  );
  const picture = (pair && sizes[pair.sample]) ?? null;
  const camera = useCamera(pane, picture, `${pair?.sample} ${mode}`);

  const regions = useMemo(() => {
    const runs = pair?.runs.filter(({ name }) => shownRuns.includes(name)) ?? [];
    const others = runs.flatMap(({ name, regions: found }) => found.map((one) => ({ ...one, run: runName(name) })));
    return [...(pair?.regions ?? []), ...others];
  }, [pair, shownRuns]);

  const go = (by: number) => {
    setRegionId(null);
    const navigation = modal ? modalNavigation.get() : null;
    if (!navigation) return step(by);
    void (by > 0 ? navigation.next(by) : navigation.previous(-by)).then(setExpanded);
  };
  const judge = (value: State) => {
    if (!pair) return;
    decide({ action: "review", value, regions: region ? [region.id] : [] });
    if (!region) return go(1);
    nextRegion(1);
  };
  const nextRegion = (by: number) => {
    if (!pair?.regions.length) return;
    const at = pair.regions.findIndex((one) => one.id === regionId);
    const to = at < 0 ? (by > 0 ? 0 : pair.regions.length - 1) : at + by;
    setRegionId(pair.regions[to]?.id ?? null);
  };
  const label = (value: string | undefined) => {
    const of = region ?? (pair?.regions.length === 1 ? pair.regions[0] : undefined);
    if (!value || !pair) return;
    if (!of) return notice("Select a region to label it: click it, or press j.");
    decide({ action: "label", value, regions: [of.id] });
  };
  const edit = (what: "caption" | "label" | null) => {
    setEditing(what);
    if (!what) root.current?.focus({ preventScroll: true });
  };
  const onDecide = (decision: Decision) => {
    decide(decision);
    root.current?.focus({ preventScroll: true });
  };

  const actions: Record<string, () => void> = {
    a: () => judge("accepted"),
    r: () => judge("rejected"),
    u: undo,
    e: () => pair && edit("caption"),
    l: () => (region ? edit("label") : notice("Select a region to label it: click it, or press j.")),
    n: () => go(1),
    p: () => go(-1),
    ArrowRight: () => go(1),
    ArrowLeft: () => go(-1),
    j: () => nextRegion(1),
    k: () => nextRegion(-1),
    o: () => setShowMarks((now) => !now),
    h: () => setShowScore((now) => !now),
    "+": () => camera.zoomBy(1.25),
    "=": () => camera.zoomBy(1.25),
    "-": () => camera.zoomBy(0.8),
    "0": camera.fit,
    z: () => region && camera.frame(region.box),
    "?": () => setHelp((now) => !now),
  };
  useKeys(root, (key) => {
    if (key === "Escape") {
      if (!help && !region) return false; // the App's own
      if (help) setHelp(false);
      else setRegionId(null);
      return true;
    }
    if (MODE_KEYS[key]) setMode(MODE_KEYS[key]);
    else if (/^[1-9]$/.test(key)) label(queue.labels[Number(key) - 1]);
    else if (actions[key]) actions[key]();
    else return false;
    return true;
  });

  return (
    <div className="od-root" ref={root} tabIndex={0} data-cy="od-root" data-light={light} data-modal={Boolean(modal)} data-sample={pair?.sample ?? ""}>
      <style>{css}</style>
      <Toolbar
        queue={queue}
        modal={Boolean(modal)}
        state={state}
        mode={mode}
        modes={MODES}
        showMarks={showMarks}
        showScore={showScore}
        hasScore={Boolean(pair?.score_map)}
        selection={modal ? 0 : (chosen?.length ?? 0)}
        onState={setState}
        onMode={setMode}
        onMarks={actions.o!}
        onScore={actions.h!}
        onStep={go}
        onFit={camera.fit}
        onZoom={camera.zoomBy}
        onHelp={actions["?"]!}
      />
      {pair ? (
        <div className="od-body">
          <Stage
            pair={pair}
            mode={mode}
            camera={camera.camera}
            picture={picture}
            pane={pane}
            paneRef={paneRef}
            regions={regions}
            showMarks={showMarks}
            showScore={showScore}
            selected={region?.id ?? null}
            onSelect={setRegionId}
            onPicture={onPicture}
            onPan={camera.pan}
            onZoom={camera.zoomBy}
            onFit={camera.fit}
          />
          <aside>
            <Details
              pair={pair}
              labels={queue.labels}
              selected={region}
              editing={editing}
              shownRuns={shownRuns}
              onSelect={(one) => setRegionId(one?.id ?? null)}
              onEdit={edit}
              onDecide={onDecide}
              onRun={(name) =>
                setShownRuns((now) => (now.includes(name) ? now.filter((one) => one !== name) : [...now, name]))
              }
            />
            <footer>
              {queue.notice ? (
                <p className="od-notice" role="status" data-cy="od-notice">
                  {queue.notice}
                </p>
              ) : null}
              <p className="od-dim">{region ? `Region ${region.number ?? ""}: ${region.label}` : "The whole pair"}</p>
              <div className="od-row">
                <button className="od-button od-accept" data-cy="od-accept" onClick={actions.a}>
                  Accept <kbd>a</kbd>
                </button>
                <button className="od-button od-reject" data-cy="od-reject" onClick={actions.r}>
                  Reject <kbd>r</kbd>
                </button>
                <button className="od-button" data-cy="od-undo" onClick={undo}>
                  Undo <kbd>u</kbd>
                </button>
              </div>
            </footer>
          </aside>
        </div>
      ) : (
        <Nothing loading={queue.loading || modal === null} problem={queue.problem} state={state} onAll={() => setState("all")} />
      )}
      {help ? <Help onClose={() => setHelp(false)} /> : null}
    </div>
  );
}

type NothingProps = { loading: boolean; problem: string | null; state: Shown; onAll: () => void };

function Nothing({ loading, problem, state, onAll }: NothingProps) {
  return (
    <div className="od-nothing" data-cy="od-nothing">
      {loading ? (
        <p>Loading pairs…</p>
      ) : problem ? (
        <>
          <h3>Nothing to review here</h3>
          <p>{problem}</p>
        </>
      ) : state === "all" ? (
        <>
          <h3>No pairs in this view</h3>
          <p>The panel shows the pairs of the grid. Remove a filter of the sidebar or a stage of the view bar to see more.</p>
        </>
      ) : (
        <>
          <h3>No {state} pairs in this view</h3>
          <p>{state === "pending" ? "Everything here is decided." : "Nothing was decided so yet."}</p>
          <button className="od-button" onClick={onAll}>
            Show all pairs
          </button>
        </>
      )}
    </div>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  return (
    <div className="od-help" data-cy="od-help" onClick={onClose} role="dialog" aria-label="Keys">
      <div onClick={(event) => event.stopPropagation()}>
        <h3>Keys</h3>
        <dl>
          {Object.entries(KEYS).map(([key, does]) => (
            <React.Fragment key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </React.Fragment>
          ))}
        </dl>
        <p className="od-dim">They act while the panel has the focus: click into it. Drag to move, wheel to zoom, double click for the whole picture.</p>
      </div>
    </div>
  );
}

/** The pictures next to the one that is shown, so that a step shows them at once. */
function usePreloaded(pairs: Pair[], index: number) {
  useEffect(() => {
    for (const near of [pairs[index + 1], pairs[index + 2], pairs[index - 1]]) {
      for (const path of near ? [near.aligned ?? near.before, near.after] : []) {
        if (path) new Image().src = getSampleSrc(path);
      }
    }
  }, [index, pairs.length]);
}

/** Tells whether the App is light, now and whenever that changes. */
function watchTheme(element: HTMLElement, tell: (light: boolean) => void): () => void {
  const look = () => {
    const probe = document.createElement("span");
    probe.style.color = "var(--fo-palette-text-primary, #fff)";
    element.append(probe);
    const [r = 255, g = 255, b = 255] = getComputedStyle(probe).color.match(/[\d.]+/g)?.map(Number) ?? [];
    probe.remove();
    tell((r + g + b) / 3 < 128);
  };
  look();
  const observer = new MutationObserver(look);
  for (const of of [document.documentElement, document.body]) observer.observe(of, { attributes: true });
  return () => observer.disconnect();
}
