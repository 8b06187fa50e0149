/** What happens, said to those who do not see it: one polite live region that the canvas draws. */
import { create } from 'zustand';

interface Said {
  words: string;
  /** Counts what was said, so that the same words are said again. */
  count: number;
}

/** What was said last. */
export const useSaid = create<Said>()(() => ({ words: '', count: 0 }));

/** Say something. */
export function say(words: string): void {
  useSaid.setState(({ count }) => ({ words, count: count + 1 }));
}
