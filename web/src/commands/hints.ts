/** The keys of commands as buttons and menus tell them: those the user gave them, else their own. */
import { useStore, type State } from '../state/store';
import { TEXT } from '../text';
import { ariaChord, shownChord } from './chords';
import { commandNamed, keysOf, type CommandId } from './registry';

/** Signs that take less room than the names of these keys. */
const SIGNS = { Enter: '↵', Shift: '⇧' };

/** The first combination of a command in signs; undefined where it has none. */
export function hintOf(id: CommandId, chosen: State['keys']): string | undefined {
  const [chord] = keysOf(commandNamed(id), chosen);
  return chord === undefined ? undefined : shownChord(chord, { ...TEXT.keys, ...SIGNS });
}

/** The combinations of a command in words, for sentences; empty where it has none. */
export function useKeyWords(id: CommandId): string {
  const [chord] = useStore((s) => keysOf(commandNamed(id), s.keys));
  return chord === undefined ? '' : shownChord(chord, TEXT.keys).replaceAll(' ', ' + ');
}

/** What a button tells of the keys that do the same: to be seen, and for those who do not see it. */
export function useHint(id: CommandId): { hint: string | undefined; aria: string | undefined } {
  const chosen = useStore((s) => s.keys);
  const chords = keysOf(commandNamed(id), chosen);
  return { hint: hintOf(id, chosen), aria: chords.length > 0 ? chords.map(ariaChord).join(' ') : undefined };
}
