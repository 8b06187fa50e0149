/** The editor's state. Actions live beside it; components read slices through {@link useStore}. */
import { create } from 'zustand';
import type { SavedFile } from '../api/workflows';
import type { Connection } from '../api/socket';
import type { Device, ImageRef, LoadedModel, Me, WorkflowEntry } from '../api/wire';
import { NO_HISTORY, type History } from '../graph/history';
import { levelOf, rootOf } from '../graph/levels';
import { EMPTY_GRAPH, type Graph, type Point } from '../graph/model';
import type { Problem } from '../graph/problems';
import type { OpenEnd } from '../graph/search';
import type { Schema, WidgetValue } from '../graph/schema';
import { withSubgraphs } from '../graph/subgraphSpec';
import { specOf } from '../graph/virtual';
import type { Question } from './ask';
import { randomUuid } from './ids';
import { TEXT, type Language } from '../text';

export interface NodeRun {
  /** `idle`: it has no part in a run now; what it shows is of an earlier one. */
  state: 'idle' | 'waiting' | 'running' | 'cached' | 'done' | 'failed';
  value: number;
  max: number;
  /** Milliseconds on the browser's clock. */
  startedAt: number;
  firstStepAt: number;
  stepAt: number;
  /** How long it took, by the server's clock. */
  elapsedMs: number;
  /** Why it was not taken from the cache, in the server's words. */
  reason: string;
  preview: string | null;
  images: readonly ImageRef[];
  text: string;
}

/** A picture and the node that showed it. */
export type JobImage = ImageRef & { node: string };

export interface Job {
  id: string;
  title: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** Whether this window queued it. */
  own: boolean;
  priority: number;
  /** Milliseconds since 1970, on the server's clock; 0 before it starts. */
  startedAt: number;
  durationMs: number;
  images: readonly JobImage[];
  nodes: number;
  cached: number;
  error: string;
  /** What it does right now, in words. */
  progress: string;
  fraction: number;
}

export interface PaletteRequest {
  /** Where the node goes, in graph coordinates. */
  at: Point;
  /** Whether commands and workflows are offered too. */
  all?: boolean;
  /** Whether it finds cards of this workflow, not what could be added. */
  finds?: boolean;
  end?: OpenEnd & { node: string; key: string };
  /** The node that the chosen type takes the place of. */
  replaces?: string;
}

/** The socket a link is being drawn from. */
export interface Dragging {
  node: string;
  type: string;
  from: 'output' | 'input';
}

/** Which part of the graph is seen: the canvas's upper left in screen units of the graph, and the zoom. */
export interface View extends Point {
  zoom: number;
}

/** An open menu: of a card, a link or a group, else of the canvas. */
export interface CardMenu {
  node?: string;
  /** The part of a card's menu it opens with. */
  page?: 'inputs';
  link?: string;
  group?: number;
  /** Where it was opened, in graph coordinates. */
  at?: Point;
  x: number;
  y: number;
}

export type RightTab = 'inspector' | 'queue' | 'gallery' | 'problems';
export type Drawer = 'nodes' | 'workflows';
export type Theme = 'dark' | 'light';
export type ThemeChoice = 'system' | Theme;
export type SettingsPage = 'general' | 'shortcuts';

/** What belongs to one open document. */
export interface DocumentState {
  graph: Graph;
  history: History<Graph>;
  /** The graph at the start of the gesture under way. */
  gesture: Graph | null;
  saved: Graph;
  name: string;
  selection: ReadonlySet<string>;
  linkSelection: ReadonlySet<string>;
  runs: Readonly<Record<string, NodeRun>>;
  /** Nodes whose card shows a live picture. */
  live: ReadonlySet<string>;
  reported: readonly Problem[];
  /** Where it is saved on the server, with the content that is known here; null: nowhere. */
  file: SavedFile | null;
  /** Where it was looked at when it was left; null: not yet. */
  view: View | null;
}

/** The part of the state that is put aside and taken up with a document. */
export const DOCUMENT_KEYS = [
  'graph', 'history', 'gesture', 'saved', 'name', 'selection', 'linkSelection', 'runs', 'live', 'reported', 'file', 'view',
] as const satisfies readonly (keyof DocumentState)[];

/** The active document lies flat in the state. */
export interface State extends DocumentState {
  schema: Schema;
  schemaState: 'loading' | 'ready' | 'failed';
  workflows: readonly WorkflowEntry[];
  devices: readonly Device[];
  /** The networks in the server's memory. */
  loaded: readonly LoadedModel[];
  /** Who one is, where the server asks for a token. */
  me: Me | undefined;
  connection: Connection;

  /** The open documents in the order of their tabs. */
  tabs: readonly string[];
  /** The one that is shown. */
  active: string;
  /** The others, as they were left. */
  parked: Readonly<Record<string, DocumentState>>;
  /** The document each run was started from here. */
  owners: Readonly<Record<string, string>>;

  jobs: readonly Job[];
  current: string | null;
  /** The run that began last, also when it has ended. */
  begun: string | null;
  queueRemaining: number;
  /** No more jobs are started. */
  paused: boolean;
  /** What the next part of the history is asked with; null after its end. */
  historyNext: string | null;
  /** The graph is run by itself after each change. */
  runOnChange: boolean;

  copies: number;
  tab: RightTab;
  panelOpen: boolean;
  /** Whether only chosen inputs and the picture are shown, not the graph. */
  simple: boolean;
  drawer: Drawer | null;
  palette: PaletteRequest | null;
  dragging: Dragging | null;
  menu: CardMenu | null;
  /** The picture that is shown in full, the one it is compared with, and those marked to be compared. */
  shown: string | null;
  compared: string | null;
  marked: readonly string[];
  /** The saved workflow whose versions are shown. */
  versionsOf: string | null;
  /** The picture of a widget that is being painted on. */
  painting: { node: string; input: string; name: string; src: string } | null;
  /** What seeds held at the last run, by document, node and input. */
  usedSeeds: Readonly<Record<string, WidgetValue>>;
  templatesShown: boolean;
  settings: SettingsPage | null;
  theme: Theme;
  themeChoice: ThemeChoice;
  /** Key combinations the user gave to commands. */
  keys: Readonly<Record<string, readonly string[]>>;
  /** Whether cards that are moved snap to the grid. */
  snap: boolean;
  language: Language;
  question: Question | null;
  note: { text: string; bad: boolean; at: number } | null;
}

const FIRST = randomUuid();

const INITIAL: State = {
  schema: {}, schemaState: 'loading', workflows: [], devices: [], loaded: [], me: undefined, connection: 'connecting',
  graph: EMPTY_GRAPH, history: NO_HISTORY, gesture: null, saved: EMPTY_GRAPH, name: TEXT.untitled,
  selection: new Set(), linkSelection: new Set(), runs: {}, live: new Set(), file: null, view: null,
  tabs: [FIRST], active: FIRST, parked: {}, owners: {}, jobs: [], current: null, begun: null, queueRemaining: 0, paused: false, historyNext: null, runOnChange: false, reported: [],
  copies: 1, tab: 'inspector', panelOpen: true, simple: false, drawer: null, palette: null, dragging: null, menu: null, shown: null, compared: null, marked: [], painting: null, usedSeeds: {},
  versionsOf: null, templatesShown: false, settings: null, theme: 'dark', themeChoice: 'system', keys: {}, snap: false, language: 'en', note: null, question: null,
};

/** The one store of the page. */
export const useStore = create<State>()(() => INITIAL);

/** Current state, for actions. */
export const getState = useStore.getState;

/** Change some of the state. The subgraphs of the graph shown are node types like others. */
export function setState(change: Partial<State>): void {
  const { graph, schema } = { ...getState(), ...change };
  const full = withSubgraphs(schema, graph.subgraphs);
  useStore.setState(full === schema ? change : { ...change, schema: full });
}

/** Whether the graph differs from what was last saved or opened. */
export function isDirty(state: DocumentState): boolean {
  const [graph, saved] = [rootOf(state.graph), rootOf(state.saved)];
  return graph.subgraphs !== saved.subgraphs || graph.nodes !== saved.nodes || graph.links !== saved.links || graph.groups !== saved.groups
    || graph.rest['extra'] !== saved.rest['extra'];
}

/** Title of a node as runs name it, whichever level of its document is shown. */
export function runTitle({ graph, schema }: Pick<State, 'graph' | 'schema'>, runId: string): string {
  const level = levelOf(graph, runId);
  return titleOf({ graph: level.graph, schema }, level.id);
}

/** Title of a card. */
export function titleOf(state: Pick<State, 'graph' | 'schema'>, id: string): string {
  const node = state.graph.nodes[id];
  return node ? node.title || (specOf(state.schema, node)?.title ?? node.type) : id;
}
