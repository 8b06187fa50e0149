/** What the server reports while it works, applied to cards and queue. */
import type { ServerEvent } from '../api/wire';
import { problemOfRun, problemOfWarning, type Problem } from '../graph/problems';
import { TEXT } from '../text';
import { refreshJobs } from './jobs';
import { patchRuns, settleRuns } from './runs';
import { getState, setState, titleOf, type Job, type NodeRun } from './store';
import { notify, showTab } from './ui';

const REFRESH_DELAY_MS = 300;

function patchJob(id: string, change: Partial<Job>): void {
  setState({ jobs: getState().jobs.map((job) => (job.id === id ? { ...job, ...change } : job)) });
}

function started(id: string): void {
  const changes = Object.keys(getState().runs).filter((node) => getState().runs[node]?.state !== 'waiting');
  patchRuns(Object.fromEntries(changes.map((node) => [node, { state: 'waiting' as const, value: 0, max: 0 }])));
  setState({ current: id, begun: id });
  patchJob(id, { state: 'running', startedAt: Date.now() });
}

function running(id: string): Partial<NodeRun> {
  const run = getState().runs[id];
  if (run?.state === 'running') return {};
  return { state: 'running', startedAt: performance.now(), firstStepAt: 0, value: 0, max: 0 };
}

function finished(id: string): Partial<NodeRun> {
  const run = getState().runs[id];
  return { state: 'done', elapsedMs: run && run.startedAt > 0 ? performance.now() - run.startedAt : 0 };
}

function stepped(id: string, value: number, max: number): Partial<NodeRun> {
  const now = performance.now();
  const first = getState().runs[id]?.firstStepAt ?? 0;
  return { ...running(id), value, max, stepAt: now, firstStepAt: first > 0 && value > 1 ? first : now };
}

function progressState(nodes: Extract<ServerEvent, { type: 'progress_state' }>['nodes']): void {
  const { runs } = getState();
  const changes: Record<string, Partial<NodeRun>> = {};
  for (const [id, node] of Object.entries(nodes)) {
    const state = runs[id]?.state;
    if (node.state === 'running' && state !== 'running') changes[id] = running(id);
    else if (node.state === 'finished' && (state === 'running' || state === 'waiting' || !state)) changes[id] = finished(id);
  }
  if (Object.keys(changes).length > 0) patchRuns(changes);
}

function executing(promptId: string, node: string | null): void {
  if (node === null) return;
  const { runs } = getState();
  if (runs[node]?.state !== 'running') patchRuns({ [node]: running(node) });
  patchJob(promptId, { progress: titleOf(getState(), node), fraction: 0 });
}

function progress(promptId: string, node: string, value: number, max: number): void {
  patchRuns({ [node]: stepped(node, value, max) });
  const words = `${titleOf(getState(), node)} · ${TEXT.card.step(value, max)}`;
  patchJob(promptId, { progress: words, fraction: max > 0 ? value / max : 0 });
}

function preview(image: Blob): void {
  const { runs, live } = getState();
  const entry = Object.entries(runs).find(([, run]) => run.state === 'running' && run.max > 1)
    ?? Object.entries(runs).find(([, run]) => run.state === 'running');
  if (!entry) return;
  const [id, run] = entry;
  if (run.preview) URL.revokeObjectURL(run.preview);
  patchRuns({ [id]: { preview: URL.createObjectURL(image) } });
  if (!live.has(id)) setState({ live: new Set([...live, id]) });
}

/** End of a prompt: cards settle and the queue shows how it went. */
function ended(promptId: string, change: Partial<Job>): void {
  const { jobs, current } = getState();
  settleRuns();
  const job = jobs.find((candidate) => candidate.id === promptId);
  setState({ current: current === promptId ? null : current });
  patchJob(promptId, { progress: '', durationMs: job && job.startedAt > 0 ? Date.now() - job.startedAt : 0, ...change });
}

/** Add to what was reported; the same of the same node only once. */
function addReported(problem: Problem): void {
  setState({ reported: [...getState().reported.filter((old) => old.node !== problem.node || old.message !== problem.message), problem] });
}

function failed(event: Extract<ServerEvent, { type: 'execution_error' }>): void {
  const problem = problemOfRun(event.body);
  ended(event.promptId, { state: 'failed', error: problem.message });
  if (event.node) patchRuns({ [event.node]: { state: 'failed' } });
  addReported(problem);
  showTab('problems');
  notify(TEXT.notes.failed, true);
}

let refreshTimer: ReturnType<typeof setTimeout> | undefined;

/** The queue is everybody's: what others submitted or finished is learnt by asking, soon but not at every change. */
function queueChanged(queueRemaining: number): void {
  if (queueRemaining === getState().queueRemaining) return;
  setState({ queueRemaining });
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => void refreshJobs(), REFRESH_DELAY_MS);
}

/** Apply one event. */
export function applyEvent(event: ServerEvent): void {
  switch (event.type) {
    case 'status':
      queueChanged(event.queueRemaining);
      break;
    case 'execution_start':
      started(event.promptId);
      break;
    case 'execution_cached':
      patchRuns(Object.fromEntries(event.nodes.map((id) => [id, { state: 'cached' as const, elapsedMs: 0 }])));
      patchJob(event.promptId, { cached: event.nodes.length });
      break;
    case 'executing':
      executing(event.promptId, event.node);
      break;
    case 'progress':
      progress(event.promptId, event.node, event.value, event.max);
      break;
    case 'progress_state':
      progressState(event.nodes);
      break;
    case 'executed': {
      patchRuns({ [event.node]: { images: event.images, text: event.text } });
      const known = getState().jobs.find((candidate) => candidate.id === event.promptId)?.images ?? [];
      // After a break the list may have been fetched before the event is told again.
      const added = event.images.filter(({ filename, subfolder }) => !known.some((image) => image.filename === filename && image.subfolder === subfolder));
      if (added.length > 0) patchJob(event.promptId, { images: [...known, ...added] });
      break;
    }
    case 'preview':
      preview(event.image);
      break;
    case 'execution_success':
      ended(event.promptId, { state: 'done' });
      void refreshJobs();
      break;
    case 'execution_error':
      failed(event);
      break;
    case 'execution_retried':
      settleRuns();
      patchJob(event.promptId, { state: 'waiting', progress: '', fraction: 0 });
      notify(TEXT.notes.retried(event.reason), true);
      break;
    case 'execution_warning':
      addReported(problemOfWarning(event.node, event.message));
      break;
    case 'execution_interrupted':
      ended(event.promptId, { state: 'cancelled' });
      break;
  }
}
