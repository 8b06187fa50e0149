/**
 * The open documents. The active one lies flat in the state, where every component reads it; the others are parked as
 * they were left, and come back as they were: graph, undo steps, selection, view and what their runs said.
 */
import { NO_HISTORY } from '../graph/history';
import { EMPTY_GRAPH, type Graph } from '../graph/model';
import { TEXT } from '../text';
import { requestFit, restoreView, viewNow } from './camera';
import { endGesture } from './edits';
import { randomUuid } from './ids';
import { DOCUMENT_KEYS, getState, isDirty, setState, type DocumentState, type State } from './store';

/** The document part of a state. */
function flatPart(state: State): DocumentState {
  return Object.fromEntries(DOCUMENT_KEYS.map((key) => [key, state[key]])) as unknown as DocumentState;
}

/** An open document; undefined for one that was closed. */
export function documentOf(state: State, id: string): DocumentState | undefined {
  return id === state.active ? state : state.parked[id];
}

/** Change a document, wherever it is; one that was closed meanwhile is left alone. */
export function patchDocument(id: string, change: Partial<DocumentState>): void {
  const { active, parked } = getState();
  const held = parked[id];
  if (id === active) setState(change);
  else if (held) setState({ parked: { ...parked, [id]: { ...held, ...change } } });
}

/** A document that holds a graph and has no past. */
export function freshDocument(graph: Graph, name: string): DocumentState {
  return {
    graph, saved: graph, name: name || TEXT.untitled, history: NO_HISTORY, gesture: null, selection: new Set(), linkSelection: new Set(),
    runs: {}, live: new Set(), reported: [], file: null, view: null,
  };
}

/** Whether nothing would be lost if another document took this one's place. */
export function isUntouched(document: DocumentState): boolean {
  const { history, runs, file } = document;
  return file === null && !isDirty(document) && history.past.length + history.future.length === 0 && Object.keys(runs).length === 0;
}

/** What is typed into a field is part of the document that is left. */
function leaveFields(): void {
  const field = document.activeElement;
  if (field instanceof HTMLElement && field.matches('input, textarea, select')) field.blur();
  endGesture();
}

function enter(id: string, tabs: readonly string[], parked: State['parked'], next: DocumentState): void {
  setState({ ...next, active: id, tabs, parked, dragging: null, menu: null, palette: null });
  if (next.view) restoreView(next.view);
  else requestFit();
}

function parkedWithActive(state: State): State['parked'] {
  return { ...state.parked, [state.active]: { ...flatPart(state), view: viewNow() } };
}

/** Show another open document. */
export function switchDocument(id: string): void {
  const next = getState().parked[id];
  if (!next) return;
  leaveFields();
  const state = getState();
  const { [id]: _taken, ...parked } = parkedWithActive(state);
  enter(id, state.tabs, parked, next);
}

/** Open a document in a tab of its own, or in place of one that was never touched. Returns its id. */
export function addDocument(document: DocumentState, replacesUntouched = true): string {
  leaveFields();
  const state = getState();
  const replaces = replacesUntouched && isUntouched(state);
  const id = randomUuid();
  const at = state.tabs.indexOf(state.active);
  const tabs = state.tabs.toSpliced(replaces ? at : at + 1, replaces ? 1 : 0, id);
  enter(id, tabs, replaces ? state.parked : parkedWithActive(state), document);
  return id;
}

/** Close a document without asking; the last one leaves an empty canvas. */
export function removeDocument(id: string): void {
  if (id !== getState().active) {
    const { parked, tabs } = getState();
    const { [id]: _closed, ...others } = parked;
    setState({ parked: others, tabs: tabs.filter((tab) => tab !== id) });
    return;
  }
  leaveFields();
  const { tabs, parked } = getState();
  const at = tabs.indexOf(id);
  const left = tabs.filter((tab) => tab !== id);
  const nextId = left[Math.min(at, left.length - 1)];
  const next = nextId === undefined ? undefined : parked[nextId];
  if (nextId === undefined || !next) {
    const fresh = randomUuid();
    enter(fresh, [fresh], {}, freshDocument(EMPTY_GRAPH, TEXT.untitled));
    return;
  }
  const { [nextId]: _taken, ...others } = parked;
  enter(nextId, left, others, next);
}

/** Give a document another name; an empty one leaves it as it was. */
export function renameDocument(id: string, name: string): void {
  if (name.trim() !== '') patchDocument(id, { name: name.trim() });
}

/** Move a tab to another place in the row. */
export function moveDocument(id: string, to: number): void {
  const { tabs } = getState();
  const left = tabs.filter((tab) => tab !== id);
  setState({ tabs: left.toSpliced(Math.max(0, Math.min(to, left.length)), 0, id) });
}

/** Show the document so many tabs further right; after the last comes the first. */
export function stepDocument(by: number): void {
  const { tabs, active } = getState();
  const id = tabs[(tabs.indexOf(active) + by + tabs.length) % tabs.length];
  if (id !== undefined) switchDocument(id);
}
