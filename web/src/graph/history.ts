/** Undo and redo: whole graphs, cheap because they share what did not change. One entry per gesture. */

export interface History<T> {
  past: readonly T[];
  future: readonly T[];
}

/** Older steps are dropped beyond this many. */
export const MAX_STEPS = 200;

export const NO_HISTORY: History<never> = { past: [], future: [] };

/** Remember the state before a change; a new change ends what could be redone. */
export function remember<T>(history: History<T>, before: T): History<T> {
  return { past: [...history.past, before].slice(-MAX_STEPS), future: [] };
}

/** One step back, or undefined at the beginning. */
export function undo<T>(history: History<T>, present: T): { history: History<T>; present: T } | undefined {
  const previous = history.past.at(-1);
  if (previous === undefined) return undefined;
  return {
    present: previous,
    history: { past: history.past.slice(0, -1), future: [present, ...history.future] },
  };
}

/** One step forward, or undefined at the end. */
export function redo<T>(history: History<T>, present: T): { history: History<T>; present: T } | undefined {
  const [next, ...future] = history.future;
  if (next === undefined) return undefined;
  return { present: next, history: { past: [...history.past, present], future } };
}
