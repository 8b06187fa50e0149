import { useEffect } from 'react';
import { say, useSaid } from '../state/announce';
import { useStore } from '../state/store';
import { TEXT } from '../text';

/** Progress is said in quarters. */
const PARTS = 4;

/** The run that goes on here, in quarters; -1 while none does. */
function useQuarters(): number {
  return useStore((s) => {
    const job = s.jobs.find(({ id }) => id === s.current);
    return job?.state === 'running' ? Math.floor(job.fraction * PARTS) : -1;
  });
}

/** Says what happens on the canvas: edits made by keyboard, and how the run goes. */
export function Announcer() {
  const { words, count } = useSaid();
  const quarter = useQuarters();
  useEffect(() => {
    if (quarter > 0 && quarter < PARTS) say(TEXT.canvas.says.progress((100 * quarter) / PARTS));
  }, [quarter]);
  useEffect(() => useStore.subscribe((state, before) => {
    if (state.current === before.current || before.current === null) return;
    const job = state.jobs.find(({ id }) => id === before.current);
    if (job?.state === 'failed') say(TEXT.canvas.says.failed(job.error));
    else if (job?.state === 'done') say(TEXT.canvas.says.finished);
  }), []);
  // A blank more or less: the same words said again are a change too.
  return <div className="announcer" data-testid="announcer" aria-live="polite">{count % 2 === 0 ? words : `${words}\u00a0`}</div>;
}
