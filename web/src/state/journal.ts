/** Keeps the journal: everything open here, written a moment after each change. */
import { rootOf } from '../graph/levels';
import { EMPTY_GRAPH, type Graph, type GraphNode } from '../graph/model';
import { sourceText, withoutSources } from '../graph/sources';
import { viewNow } from './camera';
import { documentOf } from './documents';
import { openJournal, writeChange, type DocumentRecord, type JournalChange, type JournalDatabase } from './journalStore';
import { cannotKeep, wasKept } from './kept';
import { getState, isDirty, useStore, type State } from './store';

/** From the first change to its writing; what comes meanwhile is written with it. Within a gesture everything changes again at once. */
const DELAY_MS = 250;
const GESTURE_DELAY_MS = 700;

interface Written {
  graph: Graph;
  facts: string;
}

/** Of a document whose last writing failed: nothing is known of what is kept. */
const UNKNOWN: Written = { graph: EMPTY_GRAPH, facts: '' };

type NodeChanges = JournalChange['nodes'][number][];

/** Nodes that are not as they were written. Unchanged ones are the same objects. */
function changedNodes(id: string, before: Graph['nodes'], now: Graph['nodes']): NodeChanges {
  if (before === now) return [];
  const kept = Object.entries(now).filter(([node, held]) => before[node] !== held).map(([node, held]): NodeChanges[number] => [id, node, held]);
  const gone = Object.keys(before).filter((node) => !(node in now)).map((node): NodeChanges[number] => [id, node, undefined]);
  return [...kept, ...gone];
}

function recordOf(state: State, id: string, window: string): { record: DocumentRecord; nodes: Readonly<Record<string, GraphNode>> } | undefined {
  const held = documentOf(state, id);
  if (!held) return undefined;
  const { nodes, ...graph } = withoutSources(held.graph);
  const view = id === state.active ? viewNow() : held.view;
  return { record: { id, window, name: held.name, file: held.file, view, dirty: isDirty(held), graph }, nodes };
}

export interface Journal {
  database: JournalDatabase;
  /** Write what has changed, now. */
  flush: () => Promise<void>;
  /** Write everything anew at the next change. */
  forget: () => void;
  stop: () => void;
}

/** Whether nothing of a graph but its nodes is different. */
function isSameBesideNodes(a: Graph, b: Graph): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as ReadonlySet<string> as ReadonlySet<keyof Graph>;
  return [...keys].every((key) => key === 'nodes' || a[key] === b[key]);
}

/** What has changed since the last writing. */
function changeSince(written: Map<string, Written>, state: State, window: string): Omit<JournalChange, 'window'> {
  const documents: DocumentRecord[] = [];
  const nodes: NodeChanges = [];
  const sources: JournalChange['sources'][number][] = [];
  const whole: string[] = [];
  for (const id of state.tabs) {
    const now = recordOf(state, id, window);
    const before = written.get(id);
    const graph = documentOf(state, id)?.graph;
    if (!now || !graph) continue;
    const facts = JSON.stringify([now.record.name, now.record.file, now.record.dirty, now.record.view]);
    if (before?.graph === graph && before.facts === facts) continue;
    if (before === UNKNOWN) whole.push(id);
    // Cards that move change nothing else, and the rest of a large graph takes long to write.
    if (!before || before.facts !== facts || !isSameBesideNodes(before.graph, graph)) documents.push(now.record);
    if (!before || rootOf(before.graph).source !== rootOf(graph).source) sources.push([id, sourceText(graph)]);
    nodes.push(...changedNodes(id, before?.graph.nodes ?? {}, now.nodes));
    written.set(id, { graph, facts });
  }
  const closed = [...written.keys()].filter((id) => !state.tabs.includes(id));
  for (const id of closed) written.delete(id);
  return { documents, nodes, sources, whole, closed };
}

/** Begin to keep the journal of this window. */
export async function keepJournal(window: string): Promise<Journal> {
  const database = await openJournal();
  const written = new Map<string, Written>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing = Promise.resolve();
  let row: Pick<State, 'tabs' | 'active'> = { tabs: [], active: '' };

  const write = async (): Promise<void> => {
    timer = undefined;
    const state = getState();
    const { tabs, active } = state;
    const change = changeSince(written, state, window);
    if (change.documents.length + change.nodes.length + change.closed.length === 0 && tabs === row.tabs && active === row.active) return;
    row = { tabs, active };
    try {
      await writeChange(database, { window: { id: window, at: Date.now(), ...row }, ...change });
      wasKept();
    } catch (error) {
      // Nothing of it was kept, so all of it is written again.
      for (const id of [...written.keys(), ...change.closed]) written.set(id, UNKNOWN);
      cannotKeep(error);
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    writing = Promise.all([writing, write()]).then(() => undefined);
    return writing;
  };
  const unsubscribe = useStore.subscribe((state, before) => {
    const same = state.graph === before.graph && state.saved === before.saved && state.name === before.name && state.file === before.file
      && state.tabs === before.tabs && state.active === before.active && state.parked === before.parked;
    if (!same) timer ??= setTimeout(() => void flush(), state.gesture ? GESTURE_DELAY_MS : DELAY_MS);
  });
  const onHide = (): void => void flush();
  globalThis.addEventListener('pagehide', onHide);
  return {
    database, flush, forget: () => written.clear(),
    stop: () => {
      unsubscribe();
      globalThis.removeEventListener('pagehide', onHide);
    },
  };
}
