/** Names of saved workflows, whose folders are set off by `/`. A folder's own name ends with one. */

/** Whether a name is that of a folder. */
export function isFolder(name: string): boolean {
  return name.endsWith('/');
}

/** The folder that something lies in, as `a/b/`; empty where it lies in none. */
export function folderOf(name: string): string {
  return name.slice(0, name.replace(/\/$/, '').lastIndexOf('/') + 1);
}

/** Every folder that holds something, also one in which there are only folders: `a/b/c` lies in `a/` and `a/b/`. */
function foldersAround(name: string): string[] {
  const folder = folderOf(name);
  return folder === '' ? [] : [...foldersAround(folder), folder];
}

/** What something is called in another folder; empty: in none. */
export function movedInto(name: string, folder: string): string {
  return folder + name.slice(folderOf(name).length);
}

/** Whether it would change anything, and is possible: no folder lies in itself. */
export function canMoveInto(name: string, folder: string): boolean {
  return folderOf(name) !== folder && !(isFolder(name) && folder.startsWith(name));
}

/** Entries by their folder in alphabetical order, those without one first; folders between have an empty list. */
export function byFolder<T extends { name: string }>(entries: readonly T[]): readonly (readonly [folder: string, entries: readonly T[]])[] {
  const folders: Record<string, T[]> = {};
  for (const entry of entries) {
    for (const folder of foldersAround(entry.name)) folders[folder] ??= [];
    (folders[folderOf(entry.name)] ??= []).push(entry);
  }
  return Object.entries(folders).sort(([a], [b]) => a.localeCompare(b));
}

/** How deep a folder lies: 1 for those that lie in no other. */
export function depthOf(folder: string): number {
  return folder.split('/').length - 1;
}
