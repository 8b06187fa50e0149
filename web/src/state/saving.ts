/** Saving documents on the server, and opening what is there. */
import { fetchWorkflows } from '../api/client';
import { fetchWorkflow, type SavedFile } from '../api/workflows';
import { TEXT } from '../text';
import { ask, askText, type Choice } from './ask';
import { documentOf, patchDocument, switchDocument } from './documents';
import { endGesture } from './edits';
import { openDocument, workflowText } from './files';
import { errorSentence } from './run';
import { inLine, isSaving, sendText } from './sending';
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

/** The same; where the server does not answer, that is told. */
export function relistWorkflows(): Promise<boolean> {
  return told(async () => {
    await refreshWorkflows();
    return true;
  });
}

/** The last part of a name with folders. */
export function plainName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The choice that leaves all as it is. */
export const cancel = (): Choice => ({ value: 'cancel', label: TEXT.actions.cancel });

/** Ask for a name; null where none is given. */
export async function askName(title: string, initial: string, done: string): Promise<string | null> {
  const { saving } = TEXT;
  return askText(title, saving.asText, { label: saving.asLabel, initial }, [cancel(), { value: 'done', label: done, kind: 'primary' }]);
}

function askNewName({ file, name }: DocumentState): Promise<string | null> {
  return askName(TEXT.saving.asTitle, file?.name ?? name, TEXT.actions.save);
}

/** The server holds something else than was known here, or nothing any more: what becomes of the two? */
async function askAboutConflict(name: string, isGone: boolean): Promise<string | null> {
  const { saving } = TEXT;
  const saveAs: Choice = { value: 'as', label: saving.saveAs };
  if (isGone) return ask(saving.goneTitle(name), saving.goneText, [cancel(), saveAs, { value: 'again', label: saving.saveAgain, kind: 'primary' }]);
  return ask(saving.conflictTitle(name), saving.conflictText, [
    cancel(), { value: 'open', label: saving.openTheirs }, saveAs, { value: 'replace', label: saving.replace, kind: 'primary' },
  ]);
}

async function afterConflict(id: string, held: DocumentState, name: string, isGone: boolean): Promise<SavedFile | null> {
  const choice = await askAboutConflict(name, isGone);
  if (choice === 'replace') return put(id, held, name, '*');
  if (choice === 'again') return put(id, held, name, null);
  if (choice === 'as') {
    const chosen = await askNewName(held);
    return chosen === null ? null : putUnder(id, held, chosen);
  }
  if (choice === 'open') await openSaved(name);
  return null;
}

/** Save a document as it was when its turn came: it may be left or closed before the server answers. Returns where it is now; null: not saved. */
async function put(id: string, held: DocumentState, name: string, expected: string | null): Promise<SavedFile | null> {
  const { graph } = held;
  const change = await sendText(id, name, workflowText({ graph, name: plainName(name) }), expected);
  if (typeof change === 'string') return afterConflict(id, held, name, change === 'gone');
  const file = { name, etag: change.etag };
  patchDocument(id, { saved: graph, name: plainName(name), file });
  await refreshWorkflows();
  notify(TEXT.notes.saved(name));
  return file;
}

/** Save under a name: over what is known here where that is its own, else only where there is nothing. */
function putUnder(id: string, held: DocumentState, name: string): Promise<SavedFile | null> {
  return put(id, held, name, name === held.file?.name ? held.file.etag : null);
}

/** Save the active document under a name that is asked for. Returns whether it was saved. */
export async function saveAs(): Promise<boolean> {
  const { active } = getState();
  const chosen = await askNewName(getState());
  // A number half typed was taken over when the question took the focus.
  return chosen !== null && inLine(active, (now) => putUnder(active, now, chosen));
}

/** Save the active document where it was saved before; else ask for a name. Returns whether it was saved. */
export async function saveDocument(): Promise<boolean> {
  endGesture();
  const { active, file } = getState();
  if (file === null && !isSaving(active)) return saveAs();
  return inLine(active, async (now) => now.file && put(active, now, now.file.name, now.file.etag));
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
