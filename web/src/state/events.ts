/** What the server reports while it works, applied to cards and queue. */
import type { ServerEvent } from '../api/wire';
import { problemOfRun, problemOfWarning, type Problem } from '../graph/problems';
import { shownId } from '../graph/levels';
import { EMPTY_GRAPH } from '../graph/model';
import { TEXT } from '../text';
import { patchJob, queueEvent, refreshJobs, refreshSoon } from './jobs';
import { documentOfJob, isShown, patchJobDocument } from './owners';
import { patchRuns, runsOf, settleRuns } from './runs';
import { getState, setState, runTitle, type Job, type NodeRun } from './store';
import { notify, showTab } from './ui';

type ProgressEvent = Extract<ServerEvent, { type: 'progress' }>;

/** Title of a node of the job's document. */
function nodeTitle(job: string, node: string): string {
  const { schema } = getState();
  return runTitle({ schema, graph: documentOfJob(job)?.graph ?? EMPTY_GRAPH }, node);
}

function started(id: string): void {
  const runs = runsOf(id);
  const changes = Object.keys(runs).filter((node) => runs[node]?.state !== 'waiting');
  patchRuns(id, Object.fromEntries(changes.map((node) => [node, { state: 'waiting' as const, value: 0, max: 0 }])));
  setState({ current: id, begun: id });
  patchJob(id, { state: 'running', startedAt: Date.now() });
}

function running(run: NodeRun | undefined): Partial<NodeRun> {
  if (run?.state === 'running') return {};
  return { state: 'running', startedAt: performance.now(), firstStepAt: 0, value: 0, max: 0 };
}

/** Times come from the server: after a break, what was missed comes all at once. */
function finished(seconds: number | null): Partial<NodeRun> {
  return { state: 'done', elapsedMs: (seconds ?? 0) * 1000 };
}

function stepped(run: NodeRun | undefined, value: number, max: number): Partial<NodeRun> {
  const now = performance.now();
  const first = run?.firstStepAt ?? 0;
  return { ...running(run), value, max, stepAt: now, firstStepAt: first > 0 && value > 1 ? first : now };
}

function progressState({ promptId, nodes }: Extract<ServerEvent, { type: 'progress_state' }>): void {
  const runs = runsOf(promptId);
  const changes: Record<string, Partial<NodeRun>> = {};
  for (const [id, node] of Object.entries(nodes)) {
    const state = runs[id]?.state;
    if (node.state === 'running' && state !== 'running') changes[id] = running(runs[id]);
    else if (node.state === 'finished' && (state === 'running' || state === 'waiting' || !state)) changes[id] = finished(node.seconds);
  }
  if (Object.keys(changes).length > 0) patchRuns(promptId, changes);
}

function executing(promptId: string, node: string | null): void {
  if (node === null) return;
  const run = runsOf(promptId)[node];
  if (run?.state !== 'running') patchRuns(promptId, { [node]: running(run) });
  patchJob(promptId, { progress: nodeTitle(promptId, node), fraction: 0 });
}

/** Steps of one run, in the order they came. */
function progress(promptId: string, steps: readonly ProgressEvent[]): void {
  const runs = runsOf(promptId);
  patchRuns(promptId, Object.fromEntries(steps.map(({ node, value, max }) => [node, stepped(runs[node], value, max)])));
  const last = steps.at(-1);
  if (!last) return;
  const words = `${nodeTitle(promptId, last.node)} · ${TEXT.card.step(last.value, last.max)}`;
  patchJob(promptId, { progress: words, fraction: last.max > 0 ? last.value / last.max : 0 });
}

/** Apply steps that came since the last time, all at once. */
export function applyProgress(steps: readonly ProgressEvent[]): void {
  for (const promptId of new Set(steps.map((step) => step.promptId))) progress(promptId, steps.filter((step) => step.promptId === promptId));
}

function preview({ promptId, node, image }: Extract<ServerEvent, { type: 'preview' }>): void {
  const held = documentOfJob(promptId);
  const run = held?.runs[node];
  // A picture that comes after its node has ended is old.
  if (!held || run?.state !== 'running') return;
  if (run.preview) URL.revokeObjectURL(run.preview);
  patchRuns(promptId, { [node]: { preview: URL.createObjectURL(image) } });
  const card = shownId(held.graph, node);
  if (card !== undefined && !held.live.has(card)) patchJobDocument(promptId, { live: new Set([...held.live, card]) });
}

/** End of a prompt: cards settle and the queue shows how it went. */
function ended(promptId: string, change: Partial<Job>): void {
  settleRuns(promptId);
  if (getState().current === promptId) setState({ current: null });
  patchJob(promptId, { progress: '', fraction: 0, ...change });
  void refreshJobs();
}

/** Add to what was reported; the same of the same node only once. */
function addReported(job: string, problem: Problem): void {
  const before = documentOfJob(job)?.reported ?? [];
  patchJobDocument(job, { reported: [...before.filter((old) => old.node !== problem.node || old.message !== problem.message), problem] });
}

function failed(event: Extract<ServerEvent, { type: 'execution_error' }>): void {
  const problem = problemOfRun(event.body);
  ended(event.promptId, { state: 'failed', error: problem.message });
  if (event.node) patchRuns(event.promptId, { [event.node]: { state: 'failed' } });
  addReported(event.promptId, problem);
  if (isShown(event.promptId)) {
    showTab('problems');
    notify(TEXT.notes.failed, true);
  } else {
    const held = documentOfJob(event.promptId);
    if (held) notify(TEXT.notes.failedElsewhere(held.name), true);
  }
}

/** The queue is everybody's: what others submitted or finished is learnt by asking, soon but not at every change. */
function queueChanged(queueRemaining: number): void {
  if (queueRemaining === getState().queueRemaining) return;
  setState({ queueRemaining });
  refreshSoon();
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
      patchRuns(event.promptId, {
        ...Object.fromEntries(Object.entries(event.reasons).map(([id, reason]) => [id, { reason }])),
        ...Object.fromEntries(event.nodes.map((id) => [id, { state: 'cached' as const, elapsedMs: 0, reason: '' }])),
      });
      patchJob(event.promptId, { cached: event.nodes.length });
      break;
    case 'executing':
      executing(event.promptId, event.node);
      break;
    case 'progress':
      applyProgress([event]);
      break;
    case 'progress_state':
      progressState(event);
      break;
    case 'executed': {
      patchRuns(event.promptId, { [event.node]: { images: event.images, text: event.text } });
      const known = getState().jobs.find((candidate) => candidate.id === event.promptId)?.images ?? [];
      // After a break the list may have been fetched before the event is told again.
      const added = event.images.filter(({ filename, subfolder }) => !known.some((image) => image.filename === filename && image.subfolder === subfolder));
      if (added.length > 0) patchJob(event.promptId, { images: [...known, ...added.map((image) => ({ ...image, node: event.node }))] });
      break;
    }
    case 'queue_event':
      queueEvent(event);
      break;
    case 'preview':
      preview(event);
      break;
    case 'execution_success':
      ended(event.promptId, { state: 'done' });
      break;
    case 'execution_error':
      failed(event);
      break;
    case 'execution_retried':
      settleRuns(event.promptId);
      patchJob(event.promptId, { state: 'waiting', progress: '', fraction: 0 });
      notify(TEXT.notes.retried(event.reason), true);
      break;
    case 'execution_warning':
      addReported(event.promptId, problemOfWarning(event.node, event.message));
      break;
    case 'execution_interrupted':
      ended(event.promptId, { state: 'cancelled' });
      break;
  }
}
