/**
 * Key combinations as text: `Mod+Shift+z`, `Delete`, `?`. `Mod` is Ctrl, or Command on a Mac. Shift is named with letters
 * and named keys only: with others it is part of the sign.
 */

interface KeyPress {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

const MODIFIERS = new Set(['Control', 'Meta', 'Alt', 'Shift', 'AltGraph', 'Dead', 'Process', 'Unidentified']);

/** The sign or name of the key. Where Alt makes another sign of it, the key's own letter or digit counts. */
function signOf({ key, code, altKey }: KeyPress): string {
  const own = /^(?:Key|Digit)(.)$/.exec(code)?.[1];
  if (altKey && own !== undefined) return own.toLowerCase();
  return key === ' ' ? 'Space' : key.length === 1 ? key.toLowerCase() : key;
}

/** The combination of a key press; undefined while only modifiers are held. */
export function chordOf(event: KeyPress): string | undefined {
  if (MODIFIERS.has(event.key)) return undefined;
  const sign = signOf(event);
  const named = sign.length > 1 || /\p{L}/u.test(sign) || event.altKey;
  const parts = [event.ctrlKey || event.metaKey ? 'Mod' : '', event.altKey ? 'Alt' : '', event.shiftKey && named ? 'Shift' : '', sign];
  return parts.filter(Boolean).join('+');
}

/** A combination as people write it: `Ctrl Shift Z`. */
export function shownChord(chord: string, names: Readonly<Record<string, string>>): string {
  const plus = chord.endsWith('++') ? ['+'] : [];
  const parts = [...(plus.length > 0 ? chord.slice(0, -2).split('+') : chord.split('+')), ...plus].filter(Boolean);
  return parts.map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(' ');
}

/** A combination for `aria-keyshortcuts`. */
export function ariaChord(chord: string): string {
  return chord.replace('Mod', 'Control');
}

/** Combinations that several commands have, each with those commands. */
export function conflicts(keys: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  const holders: Record<string, string[]> = {};
  for (const [id, chords] of Object.entries(keys)) for (const chord of chords) (holders[chord] ??= []).push(id);
  return Object.fromEntries(Object.entries(holders).filter(([, ids]) => ids.length > 1));
}
