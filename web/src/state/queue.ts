/** Changing the queue and the history. Every window sees the change: the server tells them. */
import { ServerError } from '../api/client';
import { cancelJob, deleteJob, moveJob, pauseQueue, retryJob } from '../api/jobs';
import { isOpen, refreshJobs } from './jobs';
import { getState, setState, type Job } from './store';
import { notify } from './ui';

/** Do it, say why where it fails, and show the queue as it then is. */
async function change(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    notify(error.message, true);
  }
  await refreshJobs();
}

function waiting(): readonly Job[] {
  return getState().jobs.filter((job) => job.state === 'waiting');
}

/** Stop what runs now. */
export async function cancelRun(): Promise<void> {
  const { current } = getState();
  if (current !== null) await change(() => cancelJob(current));
}

/** Cancel a job that waits or runs. */
export const cancel = (id: string): Promise<void> => change(() => cancelJob(id));

/** Cancel everything that waits or runs; those that wait first, so that none of them begins meanwhile. */
export const cancelAll = (): Promise<void> =>
  change(async () => {
    const open = getState().jobs.filter(isOpen);
    await Promise.all(open.filter((job) => job.state === 'waiting').map((job) => cancelJob(job.id)));
    await Promise.all(open.filter((job) => job.state === 'running').map((job) => cancelJob(job.id)));
  });

/** Queue an ended job once more. */
export const retry = (id: string): Promise<void> => change(() => retryJob(id));

/** Take an ended job out of the history. The files it made stay. */
export const remove = (id: string): Promise<void> =>
  change(async () => {
    await deleteJob(id);
    setState({ jobs: getState().jobs.filter((job) => job.id !== id) });
  });

/** Start no more jobs, or start them again. */
export const setPaused = (paused: boolean): Promise<void> => change(() => pauseQueue(paused));

/** Have a waiting job run before another one, with null after all. It takes over the priority it needs for that place. */
export async function moveBefore(id: string, before: string | null): Promise<void> {
  const list = waiting();
  const job = list.find((candidate) => candidate.id === id);
  const follower = before === null ? undefined : list.find((candidate) => candidate.id === before);
  const neighbour = follower ?? list.at(-1);
  if (!job || !neighbour || id === before) return;
  setState({ jobs: placed(getState().jobs, job, before) });
  await change(async () => {
    if (job.priority !== neighbour.priority) await moveJob(id, { priority: neighbour.priority });
    await moveJob(id, { before });
  });
}

function placed(jobs: readonly Job[], job: Job, before: string | null): Job[] {
  const rest = jobs.filter((other) => other.id !== job.id);
  const at = before === null ? rest.findLastIndex(isOpen) + 1 : rest.findIndex((other) => other.id === before);
  return [...rest.slice(0, at), job, ...rest.slice(at)];
}

/** Move a waiting job one place up (-1) or down (1), or to the front (-Infinity). */
export async function moveBy(id: string, places: number): Promise<void> {
  const list = waiting();
  const at = list.findIndex((job) => job.id === id);
  const to = Math.min(Math.max(at + places, 0), list.length - 1);
  if (at < 0 || to === at) return;
  const before = to < at ? list[to] : list[to + 1];
  await moveBefore(id, before?.id ?? null);
}
