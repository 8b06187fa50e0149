import { describe, expect, it } from 'vitest';
import { chordOf, conflicts, shownChord } from '../src/commands/chords';
import { findByName } from '../src/commands/find';

const press = (key: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}, code = '') =>
  chordOf({ key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

describe('chords', () => {
  it('name modifiers in one order, and Shift only where the sign does not tell', () => {
    expect(press('Z', { ctrlKey: true, shiftKey: true })).toBe('Mod+Shift+z');
    expect(press('z', { metaKey: true })).toBe('Mod+z');
    expect(press('?', { shiftKey: true })).toBe('?');
    expect(press('Delete')).toBe('Delete');
    expect(press('Shift', { shiftKey: true })).toBeUndefined();
  });

  it('know the key where Alt makes another sign of it', () => {
    expect(press('∂', { altKey: true }, 'KeyD')).toBe('Alt+d');
    expect(press('¡', { altKey: true }, 'Digit1')).toBe('Alt+1');
  });

  it('are shown as people write them', () => {
    expect(shownChord('Mod+Shift+z', { Mod: 'Strg', Shift: 'Umschalt' })).toBe('Strg Umschalt Z');
    expect(shownChord('Mod++', { Mod: 'Ctrl' })).toBe('Ctrl +');
  });

  it('that several commands have are named', () => {
    expect(conflicts({ run: ['a', 'b'], save: ['b'], open: ['c'] })).toEqual({ b: ['run', 'save'] });
  });
});

describe('finding by name', () => {
  it('wants every word and puts beginnings first', () => {
    const names = ['Open a file', 'Reopen', 'File open', 'Save'];
    expect(findByName(names, 'open', (name) => name)).toEqual(['Open a file', 'File open', 'Reopen']);
    expect(findByName(names, 'op fi', (name) => name)).toEqual(['Open a file', 'File open']);
    expect(findByName(names, '', (name) => name)).toEqual(names);
  });
});
