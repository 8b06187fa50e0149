import { useEffect, useRef, useState } from 'react';
import { ServerError } from '../api/client';
import { loadMore } from '../state/jobs';
import { useStore } from '../state/store';
import { notify } from '../state/ui';
import { TEXT } from '../text';

/** The end of a list that goes on: more is fetched when it comes into sight, or by pressing it. */
export function LoadMore() {
  const more = useStore((s) => s.historyNext !== null);
  const count = useStore((s) => s.jobs.length);
  const [busy, setBusy] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const load = (): void => {
    setBusy(true);
    const failed = (error: unknown): void => {
      if (!(error instanceof ServerError)) throw error;
      notify(error.message, true);
    };
    void loadMore().catch(failed).finally(() => setBusy(false));
  };
  useEffect(() => {
    if (!more || !button.current) return undefined;
    const watcher = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) load();
    }, { rootMargin: '200px' });
    watcher.observe(button.current);
    return () => watcher.disconnect();
    // Seen anew after each part: the end may still be in sight.
  }, [more, count]);
  if (!more) return null;
  return <button type="button" ref={button} className="load-more" disabled={busy} onClick={load}>{TEXT.jobs.more}</button>;
}
