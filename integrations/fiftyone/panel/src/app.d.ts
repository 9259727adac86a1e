// What is used of the App's own modules, none of which is on npm; they are globals of its page.

declare module "@fiftyone/operators" {
  export type Answer = { result?: unknown; error?: unknown; errorMessage?: string };
  /** Calls a method of the Python half; `false` from the callback keeps an error from replacing the panel. */
  export function useTriggerPanelEvent(): (
    uri: string,
    params: object,
    prompt: boolean,
    done: (answer: Answer) => boolean,
  ) => void;
}

declare module "@fiftyone/state" {
  export type Selector = object;
  export const modalNavigation: {
    get(): { next(steps: number): Promise<Selector>; previous(steps: number): Promise<Selector> } | null;
  };
  /** Counts how often operators asked the App to show samples or the dataset anew. */
  export const refresher: import("recoil").Count;
  export function useSetExpandedSample(): (selector: Selector) => void;
  export function getSampleSrc(path: string): string;
}

declare module "recoil" {
  export type Count = { key: string };
  export function useRecoilValue(state: Count): number;
}

declare module "@fiftyone/plugins" {
  export const PluginComponentType: { Component: number };
  export function registerComponent(registration: {
    name: string;
    label: string;
    component: unknown;
    type: number;
    activator: () => boolean;
  }): void;
}

declare module "*.css?inline" {
  const text: string;
  export default text;
}
