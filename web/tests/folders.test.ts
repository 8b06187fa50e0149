import { describe, expect, it } from 'vitest';
import { byFolder, canMoveInto, depthOf, folderOf, isFolder, movedInto } from '../src/graph/folders';

const foldersOf = (...names: string[]): unknown[] => byFolder(names.map((name) => ({ name }))).map(([folder, entries]) => [folder, entries.map(({ name }) => name)]);

describe('folders of saved workflows', () => {
  it('are read off the names', () => {
    expect(['a', 'a/b', 'a/b/', 'a/b/c'].map(folderOf)).toEqual(['', 'a/', 'a/', 'a/b/']);
    expect(['a', 'a/'].map(isFolder)).toEqual([false, true]);
    expect(['a/', 'a/b/'].map(depthOf)).toEqual([1, 2]);
  });

  it('are listed with those that hold only folders, what lies in none first', () => {
    expect(foldersOf('b/c/x', 'top', 'a/y', 'b/c/z')).toEqual([['', ['top']], ['a/', ['a/y']], ['b/', []], ['b/c/', ['b/c/x', 'b/c/z']]]);
    expect(foldersOf()).toEqual([]);
  });

  it('take workflows and folders, but none takes itself or what is in it already', () => {
    expect([movedInto('a/b', ''), movedInto('a/b/', 'c/'), movedInto('x', 'c/')]).toEqual(['b', 'c/b/', 'c/x']);
    expect(canMoveInto('a/b', '')).toBe(true);
    expect(canMoveInto('a/b', 'a/')).toBe(false);
    expect(canMoveInto('a/', 'a/b/')).toBe(false);
    expect(canMoveInto('a/', 'ab/')).toBe(true);
    expect(canMoveInto('a/', '')).toBe(false);
  });
});
