/** Brings back what was open when the page ended: this window's, else what a window that is gone has left. */
import { parseJson } from '../graph/json';
import { EMPTY_GRAPH, type Graph } from '../graph/model';
import { parseWorkflow } from '../graph/parseApi';
import { withSources } from '../graph/sources';
import { TEXT } from '../text';
import { ask } from './ask';
import { requestFit, restoreView } from './camera';
import { addDocument, freshDocument } from './documents';
import { randomUuid } from './ids';
import { keepJournal, type Journal } from './journal';
import { dropWindow, readDocuments, readWindows, type DocumentRecord, type JournalDatabase, type WindowRecord } from './journalStore';
import { getState, setState, type DocumentState } from './store';
import { notify } from './ui';
import { answerWindows, tellTaken, type WindowName } from './windows';

type Kept = readonly [DocumentRecord, Graph];

function documentFrom([record, graph]: Kept): DocumentState {
  const { name, view, file, dirty, source } = record;
  const whole = source === undefined ? graph : withSources(graph, parseWorkflow(parseJson(source), getState().schema).graph);
  return { ...freshDocument(whole, name), view, file, saved: dirty ? EMPTY_GRAPH : whole };
}

/** Show these documents in place of what is open. Returns whether there are any. */
function show(kept: readonly (readonly [id: string, kept: Kept])[], activeWas: string): boolean {
  const [first] = kept;
  if (!first) return false;
  const [active, shown] = kept.find(([, [record]]) => record.id === activeWas) ?? first;
  const parked = Object.fromEntries(kept.filter(([id]) => id !== active).map(([id, each]) => [id, documentFrom(each)]));
  const document = documentFrom(shown);
  setState({ ...document, active, tabs: kept.map(([id]) => id), parked });
  if (document.view) restoreView(document.view);
  else requestFit();
  if (kept.some(([, [record]]) => record.dirty)) notify(TEXT.notes.restored);
  return true;
}

/** Take over what a window had open: here it is written under names of its own before it is dropped there. */
async function takeOver(journal: Journal, window: WindowRecord, open: (kept: readonly Kept[]) => boolean): Promise<boolean> {
  const any = open(await readDocuments(journal.database, window));
  await journal.flush();
  await dropWindow(journal.database, window);
  tellTaken(window.id);
  return any;
}

async function unsavedOf(database: JournalDatabase, windows: readonly WindowRecord[]): Promise<WindowRecord[]> {
  const found = await Promise.all(windows.map(async (window) => {
    const documents = await readDocuments(database, window);
    if (documents.some(([record]) => record.dirty)) return [window];
    await dropWindow(database, window);
    return [];
  }));
  return found.flat();
}

/** Other windows that are gone left unsaved changes too: offer them. */
async function offer(journal: Journal, windows: readonly WindowRecord[]): Promise<void> {
  const left = await unsavedOf(journal.database, windows);
  if (left.length === 0) return;
  const { restore } = TEXT;
  const choice = await ask(restore.title, restore.text(left.length), [
    { value: 'later', label: restore.later }, { value: 'discard', label: restore.discard, kind: 'danger' }, { value: 'open', label: restore.open, kind: 'primary' },
  ]);
  for (const window of choice === 'discard' ? left : []) await dropWindow(journal.database, window);
  for (const window of choice === 'open' ? left : []) {
    await takeOver(journal, window, (kept) => {
      for (const each of kept) if (each[0].dirty) addDocument(documentFrom(each));
      return true;
    });
  }
}

const fresh = (kept: readonly Kept[]): (readonly [string, Kept])[] => kept.map((each) => [randomUuid(), each]);

/** Restore, and from then on keep the journal. Returns whether anything came back. Throws where the browser keeps no journal. */
export async function restoreAndKeep({ id, was, others }: WindowName): Promise<boolean> {
  const journal = await keepJournal(id);
  const windows = await readWindows(journal.database);
  answerWindows(id, journal.forget);
  const own = windows.find((window) => window.id === was);
  const gone = windows.filter((window) => window.id !== was && !others.has(window.id));
  if (own) {
    const kept = await readDocuments(journal.database, own);
    const any = show(id === was ? kept.map((each) => [each[0].id, each]) : fresh(kept), own.active);
    void offer(journal, gone);
    return any;
  }
  const [newest, ...rest] = gone;
  const any = newest !== undefined && await takeOver(journal, newest, (kept) => show(fresh(kept), newest.active));
  void offer(journal, rest);
  return any;
}
