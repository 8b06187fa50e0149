/** The queue and the history, as the server keeps them. */
import { fetchMachine, ServerError } from '../api/client';
import { fetchEndedJobs, fetchOpenJobs, fetchQueueState, PAGE, type ListedJob } from '../api/jobs';
import type { ServerEvent } from '../api/wire';
import { asText } from '../graph/json';
import { TEXT } from '../text';
import { CLIENT_ID } from './client';
import { settleAllRuns } from './runs';
import { getState, setState, type Job } from './store';

const STATES: Readonly<Record<ListedJob['state'], Job['state']>> = {
  pending: 'waiting', running: 'running', succeeded: 'done', failed: 'failed', cancelled: 'cancelled',
};

function timeOf(text: string | null): number {
  return text === null ? 0 : Date.parse(text);
}

function jobOf(listed: ListedJob): Job {
  const [startedAt, endedAt] = [timeOf(listed.started), timeOf(listed.ended)];
  return {
    id: listed.id, title: listed.title ?? TEXT.untitled, state: STATES[listed.state], own: listed.client_id === CLIENT_ID, priority: listed.priority,
    startedAt, durationMs: startedAt > 0 && endedAt > 0 ? endedAt - startedAt : 0, nodes: listed.nodes, cached: 0, progress: '', fraction: 0,
    images: listed.artifacts.map(({ node, name, subfolder, folder }) => ({ node, filename: name, subfolder, type: folder })),
    error: asText(listed.error?.['message']).trim(),
  };
}

/** A job as it was listed, with what only its events tell. */
function merged(job: Job, known: Job | undefined): Job {
  if (!known) return job;
  const { cached, progress, fraction } = known;
  const images = job.images.length < known.images.length ? known.images : job.images;
  return job.state === 'running' ? { ...job, cached, progress, fraction, images } : { ...job, cached };
}

export function isOpen(job: Job): boolean {
  return job.state === 'waiting' || job.state === 'running';
}

/** The first part of the history in place of what it is now; what was fetched beyond it stays where it joins on. */
function joined(first: readonly Job[], known: readonly Job[], next: string | null): { ended: readonly Job[]; next: string | null } {
  const last = first.at(-1);
  const at = last && known.length > first.length ? known.findIndex((job) => job.id === last.id) : -1;
  return at < 0 ? { ended: first, next } : { ended: [...first, ...known.slice(at + 1)], next: getState().historyNext };
}

/** Running jobs, then those that wait in the order they will run, then the ended ones, the newest first. */
function inOrder(open: readonly Job[], order: readonly string[], ended: readonly Job[]): Job[] {
  const place = new Map(order.map((id, at) => [id, at]));
  const running = open.filter((job) => job.state === 'running');
  const waiting = open.filter((job) => job.state === 'waiting').sort((a, b) => (place.get(a.id) ?? order.length) - (place.get(b.id) ?? order.length));
  return [...running, ...waiting, ...ended];
}

let latest: Promise<void> | undefined;

/** Fetch queue and history anew; what is known of the running job's progress stays. Done when the newest answer is in. */
export function refreshJobs(): Promise<void> {
  const mine: Promise<void> = fetchJobs(() => latest === mine).then((taken) => (taken ? undefined : latest));
  latest = mine;
  return mine;
}

/** Whether the answer was taken: one that `isNewest` does not hold for is old news. */
async function fetchJobs(isNewest: () => boolean): Promise<boolean> {
  try {
    // The open jobs first: one that ends meanwhile is then among the ended ones at least.
    const [open, queue] = await Promise.all([fetchOpenJobs(), fetchQueueState()]);
    const [page, machine] = await Promise.all([fetchEndedJobs(), fetchMachine()]);
    if (!isNewest()) return false;
    const known = new Map(getState().jobs.map((job) => [job.id, job]));
    const all = (listed: ListedJob[]): Job[] => listed.map(jobOf).map((job) => merged(job, known.get(job.id)));
    const { ended, next } = joined(all(page.jobs), getState().jobs.filter((job) => !isOpen(job)), page.next);
    const over = new Set(ended.map((job) => job.id));
    const jobs = inOrder(all(open).filter((job) => !over.has(job.id)), queue.pending_ids, ended);
    const running = jobs.find((job) => job.state === 'running');
    // Nothing of this window's is under way: no card may look as if it were.
    if (!jobs.some((job) => job.own && isOpen(job))) settleAllRuns();
    setState({ jobs, ...machine, current: running?.id ?? null, queueRemaining: queue.pending + queue.running, paused: queue.paused, historyNext: next });
  } catch (error) {
    // A lost connection shows in the status line and is retried there; the list stays as it was.
    if (!(error instanceof ServerError)) throw error;
  }
  return true;
}

/** Fetch the next part of the history. */
export async function loadMore(): Promise<void> {
  const { historyNext } = getState();
  if (historyNext === null) return;
  const page = await fetchEndedJobs(historyNext);
  const { jobs, historyNext: now } = getState();
  if (now !== historyNext) return; // the list was fetched anew meanwhile
  const known = new Set(jobs.map((job) => job.id));
  setState({ jobs: [...jobs, ...page.jobs.map(jobOf).filter((job) => !known.has(job.id))], historyNext: page.jobs.length < PAGE ? null : page.next });
}

/** Take in a job that was just accepted. Its place in the queue comes from the server; until then it is the last. */
export function addJob(job: Job): void {
  const { jobs } = getState();
  latest = undefined; // an answer on its way does not know of it
  if (!jobs.some(({ id }) => id === job.id)) setState({ jobs: [...jobs.filter(isOpen), job, ...jobs.filter((other) => !isOpen(other))] });
  refreshSoon();
}

const REFRESH_DELAY_MS = 200;
let refreshTimer: ReturnType<typeof setTimeout> | undefined;

/** Fetch the list soon, once for several changes in a row. */
export function refreshSoon(): void {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => void refreshJobs(), REFRESH_DELAY_MS);
}

/** Change what is shown of a job. */
export function patchJob(id: string, change: Partial<Job>): void {
  setState({ jobs: getState().jobs.map((job) => (job.id === id ? { ...job, ...change } : job)) });
}

/** What happens to a job of another window, or to the queue as a whole. */
export function queueEvent(event: Extract<ServerEvent, { type: 'queue_event' }>): void {
  const job = getState().jobs.find((candidate) => candidate.id === event.promptId);
  if (event.event === 'progress' && job) {
    patchJob(job.id, { progress: TEXT.card.step(event.value, event.max), fraction: event.max > 0 ? event.value / event.max : 0 });
  } else if (event.event === 'node_started' && job) {
    if (job.state === 'running') patchJob(job.id, { progress: '', fraction: 0 });
    else refreshSoon();
  } else refreshSoon();
}
