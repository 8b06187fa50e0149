/** Progress may come hundreds of times a second; the page needs it only a few times. */
import type { ServerEvent } from '../api/wire';

type Progress = Extract<ServerEvent, { type: 'progress' }>;

/** Shorter than an eye notices, and longer than a frame. */
const WAIT_MS = 40;

export interface Sinks {
  /** The last step of each node since the last time. */
  onProgress: (steps: readonly Progress[]) => void;
  onEvent: (event: ServerEvent) => void;
}

/** Gathers steps and hands them on together; any other event is handed on at once, after the steps before it. */
export function gatherProgress({ onProgress, onEvent }: Sinks): (event: ServerEvent) => void {
  const held = new Map<string, Progress>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (held.size === 0) return;
    const steps = [...held.values()];
    held.clear();
    onProgress(steps);
  };
  return (event) => {
    if (event.type !== 'progress') {
      flush();
      onEvent(event);
      return;
    }
    const key = `${event.promptId}/${event.node}`;
    held.delete(key);
    held.set(key, event);
    timer ??= setTimeout(flush, WAIT_MS);
  };
}
