import { imageUrl } from '../api/client';
import { formatTime } from '../canvas/format';
import { galleryIndex } from '../state/gallery';
import { dropJob } from '../state/run';
import { setState, useStore, type Job } from '../state/store';
import { TEXT } from '../text';
import { IconButton } from './icons';

function words(job: Job): string {
  const { queue } = TEXT;
  const parts: string[] = [job.state === 'running' && job.progress ? job.progress : queue[job.state]];
  if (job.state === 'done' && job.durationMs > 0) parts.push(formatTime(job.durationMs));
  if (job.state === 'done' && job.cached > 0) parts.push(queue.cached(job.cached, job.nodes));
  return parts.join(' · ');
}

function Thumbnail({ job }: { job: Job }) {
  const preview = useStore((s) => (job.state === 'running' ? Object.values(s.runs).find((run) => run.preview)?.preview : undefined));
  const [image] = job.images;
  if (image) {
    return (
      <button type="button" className="bare thumb" aria-label={TEXT.gallery.picture(image.filename)} onClick={() => setState({ shown: galleryIndex(image) })}>
        <img src={imageUrl(image)} alt="" loading="lazy" />
      </button>
    );
  }
  return <span className={`thumb ${job.state}`}>{preview && <img src={preview} alt="" />}</span>;
}

function JobEntry({ job }: { job: Job }) {
  return (
    <li className={`job ${job.state}`}>
      <Thumbnail job={job} />
      <div className="job-words">
        <strong>{job.title}</strong>
        <span className="state">{words(job)}</span>
        {job.error && <span className="bad-words">{job.error}</span>}
        {job.state === 'running' && (
          <div className="bar" role="progressbar" aria-label={job.title} aria-valuenow={Math.round(job.fraction * 100)} aria-valuemin={0} aria-valuemax={100}>
            <div style={{ width: `${job.fraction * 100}%` }} />
          </div>
        )}
      </div>
      {job.state === 'waiting' && <IconButton icon="close" label={TEXT.actions.dropJob} className="small" onClick={() => void dropJob(job.id)} />}
    </li>
  );
}

/** Waiting, running and finished runs, newest first. */
export function Queue() {
  const jobs = useStore((s) => s.jobs);
  if (jobs.length === 0) return <p className="quiet padded">{TEXT.queue.empty}</p>;
  return <ul className="queue" aria-label={TEXT.tabs.queue}>{jobs.map((job) => <JobEntry key={job.id} job={job} />)}</ul>;
}
