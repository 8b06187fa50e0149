/** The saved workflows as their user orders them: moved, deleted, brought back, and earlier versions of them. */
import { deleteWorkflow, fetchDeleted, fetchVersion, fetchVersionText, forgetDeleted, moveWorkflows, putWorkflow, type DeletedWorkflow } from '../api/workflows';
import { canMoveInto, isFolder, movedInto } from '../graph/folders';
import { parseWorkflow } from '../graph/parseApi';
import type { Report } from '../graph/report';
import { TEXT } from '../text';
import { ask } from './ask';
import { requestFit } from './camera';
import { documentOf, patchDocument, switchDocument } from './documents';
import { commit, endGesture } from './edits';
import { asPlaced, tellReport } from './files';
import { askName, cancel, openSaved, plainName, refreshWorkflows, told } from './saving';
import { getState, setState } from './store';
import { notify } from './ui';

export type { DeletedWorkflow };
export { fetchDeleted };

/** Follow a change of a saved workflow in the documents that are open; null: it is not there any more. */
function relink(name: string, newName: string | null): void {
  const state = getState();
  for (const id of state.tabs) {
    const file = documentOf(state, id)?.file;
    if (file?.name !== name) continue;
    patchDocument(id, newName === null ? { file: null } : { file: { ...file, name: newName }, name: plainName(newName) });
  }
}

/** Give a workflow, or a folder (its name ends with `/`), another name. Returns whether that was done. */
async function move(name: string, newName: string): Promise<boolean> {
  return told(async () => {
    for (const moved of await moveWorkflows(name, newName)) relink(moved.name, moved.new_name);
    await refreshWorkflows();
    return true;
  });
}

/** A name without the `/` of a folder. */
function bare(name: string): string {
  return name.replace(/\/+$/, '');
}

/** Ask for another name of a workflow or a folder; `/` makes folders, so this moves too. */
export async function renameSaved(name: string): Promise<void> {
  const { library, actions } = TEXT;
  const chosen = await askName(library.moveTitle(bare(name)), bare(name), actions.rename);
  const newName = chosen === null ? '' : bare(chosen);
  if (newName !== '' && newName !== bare(name)) await move(name, isFolder(name) ? `${newName}/` : newName);
}

/** Put a workflow or a folder into another folder; empty: into none. */
export async function moveInto(name: string, folder: string): Promise<void> {
  if (canMoveInto(name, folder) && (await move(name, movedInto(name, folder)))) notify(TEXT.library.moved(bare(name), bare(folder)));
}

/** Delete these workflows where they are as they are known here. */
async function remove(entries: readonly { name: string; etag: string }[]): Promise<string[]> {
  const changed: string[] = [];
  for (const { name, etag } of entries) {
    if (await deleteWorkflow(name, etag)) relink(name, null);
    else changed.push(name);
  }
  return changed;
}

/** Delete a workflow, or a folder with all in it. They can be brought back, so only of several it is asked. */
export async function removeSaved(name: string): Promise<void> {
  const { library, actions } = TEXT;
  const entries = getState().workflows.filter((entry) => !entry.is_example && (isFolder(name) ? entry.name.startsWith(name) : entry.name === name));
  if (entries.length > 1) {
    const question = [cancel(), { value: 'remove', label: actions.remove, kind: 'primary' as const }];
    if ((await ask(library.removeTitle(bare(name)), library.removeText(entries.length), question)) !== 'remove') return;
  }
  await told(async () => {
    const changed = await remove(entries);
    await refreshWorkflows();
    if (changed.length > 0) notify(library.changed(changed.join(', ')), true);
    else notify(library.removed(bare(name)));
    return true;
  });
}

/** Put deleted workflows back under their names, to the letter; their versions are still there. */
export async function bringBack(deleted: readonly DeletedWorkflow[]): Promise<void> {
  await told(async () => {
    const taken: string[] = [];
    for (const { name, saved_ms: savedMs } of deleted) {
      if (typeof (await putWorkflow(name, await fetchVersionText(name, savedMs), null)) === 'string') taken.push(name);
    }
    await refreshWorkflows();
    const [first, ...others] = deleted;
    if (taken.length > 0) notify(TEXT.library.taken(taken.join(', ')), true);
    else if (first) notify(others.length > 0 ? TEXT.library.backAll(deleted.length) : TEXT.library.back(first.name));
    return true;
  });
}

/** Remove what is left of a deleted workflow, after a question: nothing brings it back. */
export async function forget(name: string): Promise<void> {
  const { library } = TEXT;
  const choice = await ask(library.forgetTitle(name), library.forgetText, [cancel(), { value: 'forget', label: library.forget, kind: 'danger' }]);
  if (choice !== 'forget') return;
  await told(async () => {
    await forgetDeleted(name);
    await refreshWorkflows();
    return true;
  });
}

/** Show the document of a saved workflow: the tab it is open in, also with changes, else a new one. */
async function showSaved(name: string): Promise<boolean> {
  const state = getState();
  const open = [state.active, ...state.tabs].find((id) => documentOf(state, id)?.file?.name === name);
  if (open === undefined) return openSaved(name);
  switchDocument(open);
  return true;
}

/** Put an earlier version in the place of what is open, as one step that undo takes back. Saving keeps what it replaces as a version. */
export async function restoreVersion(name: string, savedMs: number): Promise<void> {
  await told(async () => {
    const document = await fetchVersion(name, savedMs);
    if (!(await showSaved(name))) return false;
    endGesture();
    const { graph, report: findings } = parseWorkflow(document, getState().schema);
    const report: Report = { source: name, tool: null, findings };
    commit({ ...asPlaced(graph), report });
    setState({ selection: new Set(), linkSelection: new Set() });
    requestFit();
    notify(TEXT.saving.restored);
    tellReport(report);
    return true;
  });
}
