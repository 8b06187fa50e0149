/** Sending a document to the server: one save after the other, and none taken for somebody else's that is one's own. */
import { fetchWorkflowText, putWorkflow, type Change, type SavedFile } from '../api/workflows';
import { documentOf } from './documents';
import { errorSentence } from './run';
import { getState, type DocumentState } from './store';
import { notify } from './ui';

/** The save under way of each document, and where it leaves it; null where it was not saved. */
const underWay = new Map<string, Promise<SavedFile | null>>();

/** Whether a document is being saved. */
export function isSaving(id: string): boolean {
  return underWay.has(id);
}

/**
 * Save a document once the save before has ended, as it is then: it knows what the server holds. One that is closed
 * meanwhile is saved as it was. Where the one before was not saved, neither is this: what stood in the way was told.
 */
export async function inLine(id: string, save: (now: DocumentState) => Promise<SavedFile | null>): Promise<boolean> {
  const before = underWay.get(id);
  const held = documentOf(getState(), id);
  if (!held) return false;
  const turn = async (): Promise<SavedFile | null> => {
    if (!before) return save(held);
    const file = await before;
    return file && save(documentOf(getState(), id) ?? { ...held, file });
  };
  const saving = turn().catch((error: unknown) => {
    notify(errorSentence(error), true);
    return null;
  });
  underWay.set(id, saving);
  try {
    return (await saving) !== null;
  } finally {
    if (underWay.get(id) === saving) underWay.delete(id);
  }
}

/** What each document sent without an answer: the connection was lost, and the server may have taken it. */
const unanswered = new Map<string, readonly string[]>();
const MOST = 5;

/** The ETag of what the server holds where that is what the document sent without an answer. */
async function ownEtag(name: string, sent: readonly string[]): Promise<string | undefined> {
  if (sent.length === 0) return undefined;
  const { text, etag } = await fetchWorkflowText(name);
  return sent.includes(text) ? etag : undefined;
}

/** Have the server keep a document's text under a name, where it holds what is expected; null: nothing yet. */
export async function sendText(id: string, name: string, text: string, expected: string | null): Promise<Change> {
  const sent = unanswered.get(id) ?? [];
  try {
    const change = await putWorkflow(name, text, expected);
    const own = change === 'conflict' ? await ownEtag(name, sent) : undefined;
    unanswered.delete(id);
    return own === undefined ? change : await putWorkflow(name, text, own);
  } catch (error) {
    unanswered.set(id, [...sent, text].slice(-MOST));
    throw error;
  }
}
