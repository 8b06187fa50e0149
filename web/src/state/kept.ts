/** Whether the browser keeps what is open here: said by the journal, shown in the status line. */
import { create } from 'zustand';
import { TEXT } from '../text';
import { notify } from './ui';

/** When it was kept last, in milliseconds since 1970; 0: nothing had to be yet; null: it cannot be. */
export const useKept = create<{ at: number | null }>()(() => ({ at: 0 }));

/** All changes up to now are in the journal. */
export function wasKept(): void {
  useKept.setState({ at: Date.now() });
}

/** The journal cannot be written: say it and why, once until it can be again. */
export function cannotKeep(error: unknown): void {
  if (useKept.getState().at === null) return;
  useKept.setState({ at: null });
  const full = error instanceof DOMException && error.name === 'QuotaExceededError';
  notify(full ? TEXT.errors.noRoom : TEXT.errors.noJournal(error instanceof Error ? error.message : String(error)), true);
}
