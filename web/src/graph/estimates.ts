/** How long runs take, judged by the ones before. */

export interface Timed {
  title: string;
  state: string;
  /** Milliseconds; 0 where it is not known. */
  durationMs: number;
  startedAt: number;
}

/** As many of the newest runs of a workflow are looked at; older ones may have been another workflow by that name. */
const LOOKED_AT = 5;

/** The median time of the newest finished runs of a workflow; undefined where there are none. */
export function usualDuration(jobs: readonly Timed[], title: string): number | undefined {
  const times = jobs.filter((job) => job.title === title && job.state === 'done' && job.durationMs > 0).slice(0, LOOKED_AT).map((job) => job.durationMs);
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)];
}

/** When a waiting job is likely to be done, in milliseconds from now: what is before it, and itself. */
export function timeUntilDone(jobs: readonly Timed[], at: number, now: number): number | undefined {
  let total = 0;
  for (const job of jobs.slice(0, at + 1)) {
    const usual = usualDuration(jobs, job.title);
    if (usual === undefined) return undefined;
    total += job.state === 'running' ? Math.max(usual - (now - job.startedAt), 0) : usual;
  }
  return total;
}
