/** Saving workflows on the server, and what else is done with those that are there. */
import { fetchWorkflows } from '../api/client';
import { deleteWorkflow, fetchVersion, fetchWorkflow, putWorkflow, type Change, type SavedFile } from '../api/workflows';
import { stringifyJson } from '../graph/json';
import { parseWorkflow } from '../graph/parseApi';
import type { Report } from '../graph/report';
import { TEXT } from '../text';
import { ask, askText, type Choice } from './ask';
import { documentOf, patchDocument, switchDocument } from './documents';
import { commit, endGesture } from './edits';
import { requestFit } from './camera';
import { asPlaced, openDocument, tellReport, workflowText } from './files';
import { errorSentence } from './run';
import { getState, setState, type DocumentState } from './store';
import { notify } from './ui';

/** Do it; what the server refuses is told. Returns whether it was done. */
export async function told(work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    notify(errorSentence(error), true);
    return false;
  }
}

/** Ask anew what the server holds. */
export async function refreshWorkflows(): Promise<void> {
  setState({ workflows: await fetchWorkflows() });
}

/** The last part of a name with folders. */
export function plainName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

const cancel = (): Choice => ({ value: 'cancel', label: TEXT.actions.cancel });

/** Somebody has saved another content: which of the two stays? */
async function askAboutConflict(name: string): Promise<string | null> {
  const { saving } = TEXT;
  return ask(saving.conflictTitle(name), saving.conflictText, [
    cancel(), { value: 'open', label: saving.openTheirs }, { value: 'as', label: saving.saveAs }, { value: 'replace', label: saving.replace, kind: 'primary' },
  ]);
}

/** Save a document as it was when that was asked for: it may be left or closed before the server answers. */
async function put(id: string, held: DocumentState, name: string, expected: string | null): Promise<boolean> {
  const { graph } = held;
  const change: Change = await putWorkflow(name, workflowText({ graph, name: plainName(name) }), expected);
  if (change !== 'conflict') {
    patchDocument(id, { saved: graph, name: plainName(name), file: { name, etag: change.etag } });
    await refreshWorkflows();
    notify(TEXT.notes.saved(name));
    return true;
  }
  const choice = await askAboutConflict(name);
  if (choice === 'replace') return put(id, held, name, '*');
  if (choice === 'as') return saveUnder(id, held);
  if (choice === 'open') await openSaved(name);
  return false;
}

async function saveUnder(id: string, held: DocumentState): Promise<boolean> {
  const { name, file } = held;
  const { saving, actions } = TEXT;
  const chosen = await askText(saving.asTitle, saving.asText, { label: saving.asLabel, initial: file?.name ?? name }, [cancel(), { value: 'save', label: actions.save, kind: 'primary' }]);
  if (chosen === null) return false;
  // A number half typed was taken over when the question took the focus.
  const now = documentOf(getState(), id) ?? held;
  return told(() => put(id, now, chosen, chosen === now.file?.name ? now.file.etag : null));
}

/** Save the active document under a name that is asked for. Returns whether it was saved. */
export async function saveAs(): Promise<boolean> {
  return saveUnder(getState().active, getState());
}

/** Save the active document where it was saved before; else ask for a name. Returns whether it was saved. */
export async function saveDocument(): Promise<boolean> {
  endGesture();
  const state = getState();
  const { active, file } = state;
  return file ? told(() => put(active, state, file.name, file.etag)) : saveAs();
}

/** Open a workflow of the server, one's own or an example; one that is open already is shown. */
export async function openSaved(name: string): Promise<boolean> {
  return told(async () => {
    const entry = getState().workflows.find((each) => each.name === name);
    const { document, etag } = await fetchWorkflow(name);
    const state = getState();
    const open = state.tabs.find((id) => {
      const file = documentOf(state, id)?.file;
      return file?.name === name && file.etag === etag;
    });
    if (open !== undefined) switchDocument(open);
    else {
      const isOwn = entry !== undefined && !entry.is_example;
      openDocument(document, isOwn ? plainName(name) : (entry?.title ?? name));
      if (isOwn) setState({ file: { name, etag }, name: plainName(name) });
    }
    return true;
  });
}

/** Follow a change of a saved workflow in the documents that are open. */
function relink(name: string, file: SavedFile | null): void {
  const state = getState();
  for (const id of state.tabs) {
    if (documentOf(state, id)?.file?.name === name) patchDocument(id, file ? { file, name: plainName(file.name) } : { file });
  }
}

/** Give a saved workflow another name; `/` makes folders. It is removed only after it is there under the new name. */
export async function renameSaved(name: string): Promise<void> {
  const { saving, actions } = TEXT;
  const chosen = await askText(saving.renameTitle(name), saving.asText, { label: saving.asLabel, initial: name }, [cancel(), { value: 'rename', label: actions.rename, kind: 'primary' }]);
  if (chosen === null || chosen === name) return;
  await told(async () => {
    const { document, etag } = await fetchWorkflow(name);
    const change = await putWorkflow(chosen, stringifyJson(document, 2), null);
    if (change === 'conflict') {
      notify(saving.taken(chosen), true);
      return false;
    }
    // Somebody has saved it meanwhile: theirs stays under the old name.
    if (!(await deleteWorkflow(name, etag))) notify(saving.bothThere(name, chosen), true);
    relink(name, { name: chosen, etag: change.etag });
    await refreshWorkflows();
    return true;
  });
}

/** Remove a saved workflow; documents that show it stay open. */
export async function removeSaved(name: string, etag: string): Promise<void> {
  const { saving, actions } = TEXT;
  const choice = await ask(saving.removeTitle(name), saving.removeText, [cancel(), { value: 'remove', label: actions.remove, kind: 'primary' }]);
  if (choice !== 'remove') return;
  await told(async () => {
    if (await deleteWorkflow(name, etag)) relink(name, null);
    else notify(saving.changed(name), true);
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
    const { schema } = getState();
    const { graph, report: findings } = parseWorkflow(document, schema);
    const report: Report = { source: name, tool: null, findings };
    commit(asPlaced(graph));
    setState({ report, selection: new Set(), linkSelection: new Set() });
    requestFit();
    notify(TEXT.saving.restored);
    tellReport(report);
    return true;
  });
}
