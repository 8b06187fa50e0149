/**
 * The journal's place in the browser: what each window has open, so that a page that ends in any way loses nothing.
 *
 * A node is a record of its own, so that a change writes only what it changed, whatever the size of the graph.
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Graph, GraphNode } from '../graph/model';
import type { DocumentState } from './store';

/** What is kept of an open document beside its nodes. */
export interface DocumentRecord extends Pick<DocumentState, 'name' | 'view' | 'file'> {
  id: string;
  window: string;
  dirty: boolean;
  /** Text of the file it was read from, so that saving keeps what the editor does not know. Kept apart, for it never changes. */
  source?: string | undefined;
  /** Everything but the nodes. */
  graph: Omit<Graph, 'nodes'>;
}

/** What a window had open. */
export interface WindowRecord {
  id: string;
  at: number;
  tabs: readonly string[];
  active: string;
}

interface Journal extends DBSchema {
  windows: { key: string; value: WindowRecord };
  documents: { key: string; value: DocumentRecord };
  nodes: { key: [document: string, node: string]; value: GraphNode };
  sources: { key: string; value: string };
}

export type JournalDatabase = IDBPDatabase<Journal>;

const STORES = ['windows', 'documents', 'nodes', 'sources'] as const;

/** What one writing changes, all of it or nothing. */
export interface JournalChange {
  window: WindowRecord;
  documents: readonly DocumentRecord[];
  /** Nodes to keep, and with undefined to drop. */
  nodes: readonly (readonly [document: string, id: string, node: GraphNode | undefined])[];
  /** Files that documents were read from; undefined for those that began empty. */
  sources: readonly (readonly [document: string, text: string | undefined])[];
  /** Documents all of whose nodes are given: what is kept of them beside that is out of date. */
  whole: readonly string[];
  closed: readonly string[];
}

/** Open the journal, making it where there is none. */
export function openJournal(): Promise<JournalDatabase> {
  return openDB<Journal>('sd35graph', 2, {
    upgrade(database, version) {
      if (version < 2) database.createObjectStore('sources');
      if (version > 0) return;
      database.createObjectStore('windows', { keyPath: 'id' });
      database.createObjectStore('documents', { keyPath: 'id' });
      database.createObjectStore('nodes');
    },
  });
}

function nodesOf(document: string): IDBKeyRange {
  return IDBKeyRange.bound([document, ''], [document, '\uffff']);
}

/** Write a change in one transaction that is on the disk when it is done. Nothing is awaited in between, so it is also good in the page's last moment. */
export async function writeChange(database: JournalDatabase, change: JournalChange): Promise<void> {
  const transaction = database.transaction(STORES, 'readwrite', { durability: 'strict' });
  const [windows, documents, nodes] = [transaction.objectStore('windows'), transaction.objectStore('documents'), transaction.objectStore('nodes')];
  const sources = transaction.objectStore('sources');
  const requests: Promise<unknown>[] = [windows.put(change.window)];
  for (const [id, text] of change.sources) requests.push(text === undefined ? sources.delete(id) : sources.put(text, id));
  for (const record of change.documents) requests.push(documents.put(record));
  for (const id of change.whole) requests.push(nodes.delete(nodesOf(id)));
  for (const [document, id, node] of change.nodes) requests.push(node ? nodes.put(node, [document, id]) : nodes.delete([document, id]));
  for (const id of change.closed) requests.push(documents.delete(id), nodes.delete(nodesOf(id)), sources.delete(id));
  transaction.commit();
  await Promise.all([...requests, transaction.done]);
}

/** What every window that is in the journal had open, the newest first. */
export async function readWindows(database: JournalDatabase): Promise<WindowRecord[]> {
  return (await database.getAll('windows')).sort((a, b) => b.at - a.at);
}

/** The documents of a window in the order of its tabs. */
export async function readDocuments(database: JournalDatabase, window: WindowRecord): Promise<(readonly [DocumentRecord, Graph])[]> {
  const found = await Promise.all(window.tabs.map(async (id) => {
    const record = await database.get('documents', id);
    if (!record) return [];
    const nodes = await database.getAll('nodes', nodesOf(id));
    const source = await database.get('sources', id);
    return [[{ ...record, source }, { ...record.graph, nodes: Object.fromEntries(nodes.map((node) => [node.id, node])) }] as const];
  }));
  return found.flat();
}

/** Forget a window and what it had open. */
export async function dropWindow(database: JournalDatabase, window: WindowRecord): Promise<void> {
  const transaction = database.transaction(STORES, 'readwrite', { durability: 'strict' });
  const nodes = transaction.objectStore('nodes');
  const documents = transaction.objectStore('documents');
  await Promise.all([
    transaction.objectStore('windows').delete(window.id),
    ...window.tabs.flatMap((id) => [documents.delete(id), nodes.delete(nodesOf(id)), transaction.objectStore('sources').delete(id)]),
    transaction.done,
  ]);
}
