import { memo, useState, type DragEvent } from 'react';
import { thumbnailUrl } from '../api/client';
import { formatRough, formatTime } from '../canvas/format';
import { timeUntilDone, usualDuration } from '../graph/estimates';
import { showPicture } from '../state/gallery';
import { openJobWorkflow } from '../state/jobWorkflow';
import { cancel, moveBefore, moveBy, remove, retry } from '../state/queue';
import { getState, useStore, type Job } from '../state/store';
import { notify } from '../state/ui';
import { TEXT } from '../text';
import { Icon, type IconName } from './icons';
import { ServedPicture } from './ServedPicture';

const DRAGGED = 'application/x-job';
const SIGNS: Readonly<Record<Job['state'], string>> = { waiting: '◷', running: '▶', done: '✓', failed: '✕', cancelled: '⊘' };

interface EntryProps {
  job: Job;
  /** Its place among all that are listed. */
  at: number;
  /** Its place among those that wait; -1 where it does not. */
  place: number;
  waiting: number;
  now: number;
}

function runningWords(job: Job, now: number): string[] {
  const usual = usualDuration(getState().jobs, job.title);
  const rest = usual === undefined || job.startedAt === 0 ? 0 : usual - (now - job.startedAt);
  return [job.progress || TEXT.queue.running, ...(rest > 0 ? [TEXT.card.left(TEXT.jobs.about(formatRough(rest)))] : [])];
}

function words({ job, at, now }: EntryProps): string {
  const { queue, jobs } = TEXT;
  const parts = job.state === 'running' ? runningWords(job, now) : [queue[job.state]];
  if (job.state === 'waiting') {
    const rest = timeUntilDone(getState().jobs, at, now);
    if (rest !== undefined && !getState().paused) parts.push(jobs.doneIn(formatRough(rest)));
  }
  if (job.durationMs > 0) parts.push(job.state === 'done' ? formatTime(job.durationMs) : jobs.after(formatTime(job.durationMs)));
  if (job.cached > 0) parts.push(queue.cached(job.cached, job.nodes));
  if (job.priority !== 0) parts.push(jobs.priority(job.priority));
  if (!job.own && (job.state === 'waiting' || job.state === 'running')) parts.push(jobs.otherWindow);
  return parts.join(' · ');
}

function Thumbnail({ job }: { job: Job }) {
  const preview = useStore((s) => (job.own && job.state === 'running' ? Object.values(s.runs).find((run) => run.preview)?.preview : undefined));
  const [image] = job.images;
  if (!image) return <span className={`thumb ${job.state}`}>{preview && <img src={preview} alt="" />}</span>;
  return (
    <button type="button" className="bare thumb" aria-label={TEXT.gallery.picture(image.filename)} onClick={() => showPicture(image)}>
      <ServedPicture src={thumbnailUrl(image)} alt="" lazy />
    </button>
  );
}

interface ButtonProps {
  id?: string;
  icon: IconName;
  label: string;
  off?: boolean;
  onClick: () => void;
}

/** Not `disabled` where it cannot be used just now: the one that was pressed last would lose the focus. */
function JobButton({ id, icon, label, off = false, onClick }: ButtonProps) {
  return (
    <button type="button" id={id} className="icon small" aria-label={label} title={label} aria-disabled={off} onClick={() => !off && onClick()}>
      <Icon name={icon} />
    </button>
  );
}

/** Moved in the list, the button that did it keeps the focus, and the new place is said. */
async function moveAndTell(job: Job, places: number, button: string): Promise<void> {
  await moveBy(job.id, places);
  document.getElementById(button)?.focus();
  const place = getState().jobs.filter((other) => other.state === 'waiting').findIndex((other) => other.id === job.id);
  if (place >= 0) notify(TEXT.jobs.moved(job.title, place + 1));
}

function Buttons({ job, place, waiting }: EntryProps) {
  const { jobs } = TEXT;
  const mover = (name: string, icon: IconName, label: string, places: number, off: boolean) => (
    <JobButton id={`${name}-${job.id}`} icon={icon} label={label} off={off} onClick={() => void moveAndTell(job, places, `${name}-${job.id}`)} />
  );
  if (job.state === 'running') return <JobButton icon="close" label={jobs.cancel(job.title)} onClick={() => void cancel(job.id)} />;
  if (job.state === 'waiting') {
    return (
      <>
        {mover('front', 'front', jobs.front(job.title), -Infinity, place === 0)}
        {mover('up', 'up', jobs.up(job.title), -1, place === 0)}
        {mover('down', 'down', jobs.down(job.title), 1, place === waiting - 1)}
        <JobButton icon="close" label={jobs.cancel(job.title)} onClick={() => void cancel(job.id)} />
      </>
    );
  }
  return (
    <>
      <JobButton icon="workflows" label={`${jobs.open}: ${job.title}`} onClick={() => void openJobWorkflow(job)} />
      <JobButton icon="retry" label={jobs.retry(job.title)} onClick={() => void retry(job.id)} />
      <JobButton icon="close" label={jobs.remove(job.title)} onClick={() => void remove(job.id)} />
    </>
  );
}

/** One run: its picture, how it stands in a word and a sign, and what can be done with it. Waiting ones are dragged. */
export const JobEntry = memo(function JobEntry(props: EntryProps) {
  const { job } = props;
  const [over, setOver] = useState(false);
  const isWaiting = job.state === 'waiting';
  const onDragOver = (event: DragEvent): void => {
    if (!isWaiting || !event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    setOver(true);
  };
  const onDrop = (event: DragEvent): void => {
    setOver(false);
    const id = event.dataTransfer.getData(DRAGGED);
    if (!isWaiting || id === '') return;
    event.preventDefault();
    void moveBefore(id, job.id);
  };
  return (
    <li
      className={`job ${job.state} ${over ? 'over' : ''}`} draggable={isWaiting} title={isWaiting ? TEXT.jobs.drag : undefined}
      onDragStart={(event) => event.dataTransfer.setData(DRAGGED, job.id)} onDragOver={onDragOver} onDragLeave={() => setOver(false)} onDrop={onDrop}
    >
      <Thumbnail job={job} />
      <div className="job-words">
        <strong>{job.title}</strong>
        <span className="state"><span aria-hidden="true" className="sign">{SIGNS[job.state]}</span> {words(props)}</span>
        {job.error && <span className="bad-words">{job.error}</span>}
        {job.state === 'running' && (
          <div className="bar" role="progressbar" aria-label={job.title} aria-valuenow={Math.round(job.fraction * 100)} aria-valuemin={0} aria-valuemax={100}>
            <div style={{ width: `${job.fraction * 100}%` }} />
          </div>
        )}
      </div>
      <div className="job-buttons"><Buttons {...props} /></div>
    </li>
  );
});
