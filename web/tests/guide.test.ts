import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { shownChord } from '../src/commands/chords';
import { EN } from '../src/text/en';

// The commands reach the window's own id, which stands in the browser's storage.
vi.stubGlobal('sessionStorage', { getItem: () => 'test', setItem: () => undefined });
const { COMMANDS } = await import('../src/commands/registry');

const lines = new Set(readFileSync(new URL('../../docs/editor.md', import.meta.url), 'utf8').split('\n'));

/** Rows that docs/editor.md does not have. */
function missing(rows: readonly string[]): string[] {
  return rows.filter((row) => !lines.has(row));
}

describe('the guide of the editor', () => {
  it('lists the keys of every command that has some', () => {
    const rows = COMMANDS.filter(({ keys }) => keys.length > 0)
      .map(({ id, keys }) => `| ${keys.map((chord) => shownChord(chord, EN.keys)).join(', ')} | ${EN.commands[id]} |`);
    expect(missing(rows)).toEqual([]);
  });

  it('lists the keys that are always the same', () => {
    expect(missing(EN.shortcuts.map(([keys, what]) => `| ${keys} | ${what} |`))).toEqual([]);
  });
});
