export const STATES = ["pending", "accepted", "rejected"] as const;
export type State = (typeof STATES)[number];
export type Shown = State | "all";

/** [x, y, width, height] in [0, 1] of the after picture. */
export type Box = [number, number, number, number];

export type Region = {
  id: string;
  number: number | null;
  label: string;
  kind: string | null;
  score: number | null;
  caption: string;
  review: State;
  box: Box;
  /** Name of the run that found it, where that is another one. */
  run?: string;
};

/** What `paging.shown` of the Python half says of a pair. */
export type Pair = {
  sample: string;
  group: string;
  id: string;
  domain: string | null;
  score: number | null;
  changed: boolean | null;
  reason: string | null;
  caption: string;
  model_caption: string;
  detector: string | null;
  residual: number | null;
  review: State;
  outdated: boolean;
  reviewed_by: string | null;
  entry: string | null;
  after: string;
  before: string | null;
  aligned: string | null;
  score_map: string | null;
  mask: string | null;
  regions: Region[];
  region_total: number;
  runs: { name: string; regions: Region[] }[];
};

export type Counts = Record<State, number>;

export type Answer = {
  problem?: string;
  pairs?: Pair[];
  size?: number;
  states?: Counts;
  labels?: string[];
};

export type Decision = { action: "review" | "label" | "caption"; value: string; regions: string[] };

export const MODES = ["slider", "side", "blink"] as const;
export type Mode = (typeof MODES)[number];
