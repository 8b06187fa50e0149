/** What each card knows of its last run. */
import { getState, setState, type NodeRun } from './store';

/** A node that waits for its turn and has nothing to show. */
export const WAITING: NodeRun = {
  state: 'waiting', value: 0, max: 0, startedAt: 0, firstStepAt: 0, stepAt: 0, elapsedMs: 0, preview: null, images: [], text: '',
};

/** Change the runs of some nodes; the others keep their objects, so only these cards draw again. */
export function patchRuns(changes: Readonly<Record<string, Partial<NodeRun>>>): void {
  const { runs } = getState();
  const next = { ...runs };
  for (const [id, change] of Object.entries(changes)) next[id] = { ...(runs[id] ?? WAITING), ...change };
  setState({ runs: next });
}

/** Nothing runs any more: previews go, and cards that did not come to their turn go back to rest. */
export function settleRuns(): void {
  const next: Record<string, NodeRun> = {};
  for (const [id, run] of Object.entries(getState().runs)) {
    if (run.preview) URL.revokeObjectURL(run.preview);
    const open = run.state === 'waiting' || run.state === 'running';
    if (!open) next[id] = { ...run, preview: null };
    else if (run.images.length > 0 || run.text !== '') next[id] = { ...WAITING, state: 'done', images: run.images, text: run.text };
  }
  setState({ runs: next, live: new Set() });
}

/** Cards of nodes that will run show that they wait. Pictures of the run before stay until new ones come. */
export function markWaiting(ids: readonly string[]): void {
  const { runs } = getState();
  setState({ runs: Object.fromEntries(ids.map((id) => [id, { ...WAITING, images: runs[id]?.images ?? [], text: runs[id]?.text ?? '' }])) });
}
