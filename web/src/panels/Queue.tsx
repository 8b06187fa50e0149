import { useKeyWords } from '../commands/hints';
import { isOpen } from '../state/jobs';
import { cancelAll, setPaused } from '../state/queue';
import { useStore } from '../state/store';
import { useNow } from '../state/useNow';
import { TEXT } from '../text';
import { JobEntry } from './JobEntry';
import { LoadMore } from './LoadMore';

const TICK_MS = 1000;

function Head() {
  const paused = useStore((s) => s.paused);
  const busy = useStore((s) => s.jobs.some(isOpen));
  return (
    <div className="queue-head">
      <div className="buttons">
        <button type="button" aria-pressed={paused} onClick={() => void setPaused(!paused)}>{paused ? TEXT.jobs.resume : TEXT.jobs.pause}</button>
        {busy && <button type="button" className="cancel" onClick={() => void cancelAll()}>{TEXT.jobs.cancelAll}</button>}
      </div>
      {paused && <p className="paused" role="status">{TEXT.jobs.paused}</p>}
    </div>
  );
}

/** What runs, what waits in its order, and what has ended, the newest first. */
export function Queue() {
  const jobs = useStore((s) => s.jobs);
  const keys = useKeyWords('run');
  const now = useNow(jobs.some(isOpen), TICK_MS);
  const first = jobs.findIndex((job) => job.state === 'waiting');
  const waiting = jobs.filter((job) => job.state === 'waiting').length;
  return (
    <>
      <Head />
      {jobs.length === 0 && <p className="quiet padded">{TEXT.queue.empty(keys)}</p>}
      <ul className="queue" aria-label={TEXT.tabs.queue}>
        {jobs.map((job, at) => (
          // What has ended is told neither its place nor the time, so that thousands stay as they are while one runs.
          isOpen(job)
            ? <JobEntry key={job.id} job={job} at={at} place={job.state === 'waiting' ? at - first : -1} waiting={waiting} now={now} />
            : <JobEntry key={job.id} job={job} at={0} place={-1} waiting={0} now={0} />
        ))}
      </ul>
      <LoadMore />
    </>
  );
}
