/** What each card knows of its last run. Runs are named by their job, which leads to the document they belong to. */
import { documentOf, patchDocument } from './documents';
import { documentOfJob, patchJobDocument } from './owners';
import { getState, type NodeRun, type State } from './store';

/** A node that waits for its turn and has nothing to show. */
export const WAITING: NodeRun = {
  state: 'waiting', value: 0, max: 0, startedAt: 0, firstStepAt: 0, stepAt: 0, elapsedMs: 0, reason: '', preview: null, images: [], text: '',
};

/** What the cards of a job's document show. */
export function runsOf(job: string): State['runs'] {
  return documentOfJob(job)?.runs ?? {};
}

/** Change the runs of some nodes; the others keep their objects, so only these cards draw again. */
export function patchRuns(job: string, changes: Readonly<Record<string, Partial<NodeRun>>>): void {
  const runs = runsOf(job);
  const next = { ...runs };
  for (const [id, change] of Object.entries(changes)) next[id] = { ...(runs[id] ?? WAITING), ...change };
  patchJobDocument(job, { runs: next });
}

/** Runs as they are once nothing of them is under way. */
export function settledRuns(runs: State['runs']): State['runs'] {
  const next: Record<string, NodeRun> = {};
  for (const [id, run] of Object.entries(runs)) {
    if (run.preview) URL.revokeObjectURL(run.preview);
    const open = run.state === 'waiting' || run.state === 'running';
    if (!open) next[id] = { ...run, preview: null };
    else if (run.images.length > 0 || run.text !== '') next[id] = { ...WAITING, state: 'idle', images: run.images, text: run.text };
  }
  return next;
}

/** A job has ended: previews go, and cards that did not come to their turn show what an earlier run gave, as such. */
export function settleRuns(job: string): void {
  patchJobDocument(job, { runs: settledRuns(runsOf(job)), live: new Set() });
}

/** Nothing runs any more, in any document. */
export function settleAllRuns(): void {
  for (const id of getState().tabs) {
    const held = documentOf(getState(), id);
    if (held && Object.keys(held.runs).length > 0) patchDocument(id, { runs: settledRuns(held.runs), live: new Set() });
  }
}

/** Cards of nodes that will run show that they wait. Pictures of the run before stay until new ones come. */
export function markWaiting(job: string, ids: readonly string[]): void {
  const runs = runsOf(job);
  patchJobDocument(job, { runs: Object.fromEntries(ids.map((id) => [id, { ...WAITING, images: runs[id]?.images ?? [], text: runs[id]?.text ?? '' }])) });
}
