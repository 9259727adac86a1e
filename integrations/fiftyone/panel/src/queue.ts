import { useCallback, useEffect, useReducer, useRef } from "react";
import type { Server } from "./server";
import type { Answer, Counts, Decision, Pair, Shown, State } from "./types";

const WINDOW = 12;
const AHEAD = 6; // the next window is asked for when so many pairs are left

export type Queue = {
  pairs: Pair[];
  index: number;
  size: number;
  counts: Counts | null;
  labels: string[];
  loading: boolean;
  problem: string | null;
  notice: string | null;
};

const EMPTY: Queue = { pairs: [], index: 0, size: 0, counts: null, labels: [], loading: true, problem: null, notice: null };

type Event =
  | { type: "loading" }
  | { type: "started"; answer: Answer; stay?: boolean }
  | { type: "more"; pairs: Pair[] }
  | { type: "moved"; by: number }
  | { type: "wrote"; pairs: Pair[]; show?: boolean }
  | { type: "noticed"; notice: string | null };

function reduce(queue: Queue, event: Event): Queue {
  switch (event.type) {
    case "loading":
      return { ...queue, loading: true };
    case "started": {
      const { problem, pairs = [], size, states, labels } = event.answer;
      const own = { counts: states ?? queue.counts, labels: labels ?? queue.labels };
      if (problem) return { ...EMPTY, ...own, loading: false, problem };
      const index = event.stay ? place(queue, pairs) : 0;
      return { ...EMPTY, ...own, pairs, index, size: size ?? pairs.length, loading: false };
    }
    case "more": {
      const known = new Set(queue.pairs.map((pair) => pair.sample));
      return { ...queue, pairs: [...queue.pairs, ...event.pairs.filter((pair) => !known.has(pair.sample))] };
    }
    case "moved": {
      const index = Math.max(0, Math.min(queue.pairs.length - 1, queue.index + event.by));
      return { ...queue, index, notice: null };
    }
    case "wrote":
      return event.pairs.reduce((now, pair) => replaced(now, pair, event.show ?? false), queue);
    case "noticed":
      return { ...queue, notice: event.notice };
  }
}

/** Where the pair that is shown is among others, or where it would have been. */
function place(queue: Queue, pairs: Pair[]): number {
  const sample = queue.pairs[queue.index]?.sample;
  const found = pairs.findIndex((pair) => pair.sample === sample);
  return found < 0 ? Math.max(0, Math.min(queue.index, pairs.length - 1)) : found;
}

function replaced(queue: Queue, pair: Pair, show: boolean): Queue {
  const at = queue.pairs.findIndex((one) => one.sample === pair.sample);
  if (at < 0) {
    if (!show) return queue;
    const pairs = [...queue.pairs];
    pairs.splice(queue.index, 0, pair);
    return { ...queue, pairs, size: queue.size + 1 };
  }
  const counts = moved(queue.counts, queue.pairs[at]!.review, pair.review);
  const pairs = queue.pairs.map((one, i) => (i === at ? pair : one));
  return { ...queue, pairs, counts, index: show ? at : queue.index };
}

function moved(counts: Counts | null, from: State, to: State): Counts | null {
  return counts && from !== to ? { ...counts, [from]: counts[from] - 1, [to]: counts[to] + 1 } : counts;
}

/** The pair as it will be once the server has written the decision. */
function decided(pair: Pair, { action, value, regions }: Decision): Pair {
  if (!regions.length) return action === "review" ? { ...pair, review: value as State } : { ...pair, caption: value };
  const set = new Set(regions);
  return { ...pair, regions: pair.regions.map((region) => (set.has(region.id) ? { ...region, [action]: value } : region)) };
}

export type Asked = {
  server: Server;
  /** Changes when the view or the dataset did. */
  epoch: string | undefined;
  /** Changes when samples did, such as by an operator: the same pairs are asked for again. */
  refresh: number;
  state: Shown;
  /** Ids of selected samples, or null for the whole view. */
  samples: string[] | null;
  /** The pair that is open in the sample viewer: there is nothing else to go through then. */
  group: string | null;
  modal: boolean;
};

/** The first pairs of a queue, as many as wanted: the server gives them in windows. */
async function start(server: Server, which: object, wanted: number, needed: () => boolean): Promise<Answer> {
  // After the decisions that are still being written, which it would take back on the page otherwise.
  let answer = await server.write("start", { ...which, limit: wanted });
  for (;;) {
    const pairs = answer.pairs ?? [];
    const last = pairs[pairs.length - 1];
    if (!last || !needed() || pairs.length >= Math.min(wanted, answer.size ?? 0)) return answer;
    const after = { score: last.score, sample: last.sample };
    const more = await server.ask("window", { ...which, after, limit: wanted - pairs.length });
    if (!more.pairs?.length) return answer;
    answer = { ...answer, pairs: [...pairs, ...more.pairs] };
  }
}

/** The pairs to go through: fetched in windows, stepped through without waiting, decided about at once. */
export function useQueue({ server, epoch, refresh, state, samples, group, modal }: Asked) {
  const [queue, send] = useReducer(reduce, EMPTY);
  const current = useRef(queue);
  current.current = queue;
  const run = useRef(0);
  const asked = useRef<string | null>(null);
  const fetching = useRef(false);
  const done = useRef<{ sample: string; entry: string | null }[]>([]);
  const selection = samples?.join() ?? "";

  useEffect(() => {
    if (epoch === undefined || (modal && !group)) return;
    const mine = ++run.current;
    const key = [epoch, state, selection, group, modal].join();
    const stay = asked.current === key;
    asked.current = key;
    fetching.current = false;
    if (!stay) send({ type: "loading" });
    const answered = (answer: Answer) => mine === run.current && send({ type: "started", answer, stay });
    if (!modal) {
      const wanted = stay ? current.current.index + WINDOW : WINDOW;
      void start(server, { state, samples }, wanted, () => mine === run.current).then(answered);
      return;
    }
    // The labels belong to the dataset, so they are asked for once.
    const all = current.current.labels.length ? null : server.ask("start", { limit: 1 });
    void Promise.all([server.ask("pair", { group }), all]).then(([one, whole]) =>
      answered({ ...one, labels: whole?.labels, states: whole?.states }),
    );
  }, [server, epoch, refresh, state, selection, group, modal]);

  const { pairs, index, size } = queue;
  useEffect(() => {
    const last = pairs[pairs.length - 1];
    if (modal || !last || pairs.length >= size || index < pairs.length - AHEAD || fetching.current) return;
    const mine = run.current;
    fetching.current = true;
    const after = { score: last.score, sample: last.sample };
    void server.ask("window", { state, samples, after, limit: WINDOW }).then((answer) => {
      if (mine !== run.current) return;
      // A window that brings nothing new would be asked for again with every step.
      fetching.current = !answer.pairs?.length;
      if (answer.problem) send({ type: "noticed", notice: answer.problem });
      else send({ type: "more", pairs: answer.pairs ?? [] });
    });
  }, [server, pairs.length, index, size, modal]);

  const step = useCallback((by: number) => send({ type: "moved", by }), []);
  const notice = useCallback((text: string | null) => send({ type: "noticed", notice: text }), []);

  const decide = useCallback(
    (decision: Decision) => {
      const pair = current.current.pairs[current.current.index];
      if (!pair) return;
      send({ type: "wrote", pairs: [decided(pair, decision)] });
      void server.write("decide", { sample: pair.sample, ...decision }).then(({ problem, pairs: written }) => {
        if (problem || !written?.[0]) {
          send({ type: "wrote", pairs: [pair] });
          send({ type: "noticed", notice: problem ?? "The decision was not written." });
          return;
        }
        const { entry } = written[0];
        const last = done.current[done.current.length - 1];
        if (entry !== pair.entry && entry !== last?.entry) done.current.push({ sample: pair.sample, entry });
        send({ type: "wrote", pairs: written });
      });
    },
    [server],
  );

  const undo = useCallback(() => {
    // Taken from the list only when its turn comes: decisions that are still being written are on it by then.
    void server.write("undo", () => done.current.pop() ?? {}).then(({ problem, pairs: written }) => {
      if (problem || !written?.[0]) {
        send({ type: "noticed", notice: problem ?? "Nothing was undone." });
        return;
      }
      const here = current.current.pairs[current.current.index]?.sample === written[0].sample;
      send({ type: "wrote", pairs: written, show: !modal || here });
      send({ type: "noticed", notice: `Undone: ${written[0].id}` });
    });
  }, [server, modal]);

  return { queue, step, decide, undo, notice };
}
