/** Whole editor-form documents: a graph and the subgraphs it is made of. */
import { asList, asObject, asText, isObject, isOrdinary, respell, stringifyJson, type Json, type JsonObject } from './json';
import { INPUTS, linkIndex, OUTPUTS, type Graph, type GraphNode, type Point, type Size, type SlotRecord, type Subgraph } from './model';
import { isEditorForm, pair, readGraph, within, WorkflowError } from './parse';
import type { Finding } from './report';
import { graphFields } from './save';
import { idValue, outgoing } from './saveSlots';
import type { Schema } from './schema';
import { boundaryNode, heldBy, inputSlots, outputSlots, specOfSubgraph, withSubgraphs } from './subgraphSpec';
import { rootOf } from './levels';

export interface Parsed {
  graph: Graph;
  /** What could not be understood. */
  report: readonly Finding[];
}

function slotRecords(value: Json | undefined): SlotRecord[] {
  return asList(value).map(asObject).map((entry) => ({
    name: asText(entry['name']), type: asText(entry['type'], '*'), id: asText(entry['id'], asText(entry['name'])),
  }));
}

function area(value: Json | undefined, fallback: Point & Size): Point & Size {
  const [x, y, width, height] = asList(asObject(value)['bounding']);
  if (y === undefined) return fallback;
  return { x: within(x, fallback.x), y: within(y, fallback.y), width: within(width, fallback.width), height: within(height, fallback.height) };
}

/** Where a subgraph's inputs and outputs stand that the file does not place: beside its nodes. */
function beside(raw: JsonObject): [Point & Size, Point & Size] {
  const places = asList(raw['nodes']).map((node) => pair(asObject(node)['pos'], [0, 0]));
  const xs = places.map(([x]) => x);
  const y = Math.min(0, ...places.map((place) => place[1]));
  const size = { width: 180, height: 0 };
  return [{ x: Math.min(0, ...xs) - 260, y, ...size }, { x: Math.max(0, ...xs) + 420, y, ...size }];
}

function boundaries(raw: JsonObject): GraphNode[] {
  const [left, right] = beside(raw);
  return [
    boundaryNode('in', slotRecords(raw['inputs']), area(raw['inputNode'], left)),
    boundaryNode('out', slotRecords(raw['outputs']), area(raw['outputNode'], right)),
  ];
}

type Definitions = Readonly<Record<string, JsonObject>>;

/** Subgraphs within subgraphs, deeper than anybody would go in. */
const DEEPEST = 100;

/** Ids of definitions so that those used by another come before it. Throws {@link WorkflowError} where one holds itself. */
function inOrder(definitions: Definitions): ReadonlySet<string> {
  const order = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    const definition = isOrdinary(id) ? definitions[id] : undefined;
    if (!definition || order.has(id)) return;
    if (path.includes(id)) {
      const names = [...path.slice(path.indexOf(id)), id].map((step) => `“${asText(definitions[step]?.['name'], step)}”`);
      throw new WorkflowError('holds_itself', names.join(' → '));
    }
    if (path.length >= DEEPEST) throw new WorkflowError('too_deep', String(DEEPEST));
    for (const node of asList(definition['nodes'])) visit(asText(asObject(node)['type']), [...path, id]);
    order.add(id);
  };
  for (const id of Object.keys(definitions)) visit(id, []);
  return order;
}

function readSubgraphs(document: JsonObject, schema: Schema, report: Finding[]): Graph['subgraphs'] {
  const definitions: Record<string, JsonObject> = {};
  for (const entry of asList(asObject(document['definitions'])['subgraphs'])) {
    const id = asText(asObject(entry)['id']);
    if (id === '' || !isOrdinary(id)) report.push({ code: 'broken_subgraph', node: null, subject: stringifyJson(entry).slice(0, 80) });
    else definitions[id] ??= asObject(entry);
  }
  const subgraphs: Record<string, Subgraph> = {};
  const known = { ...withSubgraphs(schema, {}) };
  for (const id of inOrder(definitions)) {
    const raw = definitions[id] ?? {};
    const found: Finding[] = [];
    const subgraph = { id, name: asText(raw['name'], id), graph: readGraph(raw, known, found, boundaries(raw)) };
    report.push(...found.map((finding) => ({ ...finding, within: subgraph.name })));
    subgraphs[id] = subgraph;
    known[id] = specOfSubgraph(known, subgraph);
  }
  return subgraphs;
}

/** The graph of an editor-form document. Throws {@link WorkflowError}. */
export function parseEditorForm(document: Json, schema: Schema): Parsed {
  if (!isEditorForm(document)) throw new WorkflowError('no_nodes');
  const report: Finding[] = [];
  const subgraphs = readSubgraphs(document, schema, report);
  const graph = readGraph(document, withSubgraphs(schema, subgraphs), report);
  return { graph: { ...graph, subgraphs }, report };
}

/** The list `inputs` or `outputs` of a subgraph, with the links of each. */
function slotEntries(graph: Graph, side: 'in' | 'out', before: Json | undefined): Json[] {
  const ids = (state: Graph | undefined, at: number, name: string): string[] => {
    if (!state) return [];
    const { into, outOf } = linkIndex(state);
    if (side === 'in') return (outOf[INPUTS] ?? []).filter((link) => link.sourceSlot === at).map((link) => link.id);
    return [into[OUTPUTS]?.[name]?.id ?? []].flat();
  };
  const slotsOf = (state: Graph | undefined): readonly SlotRecord[] => (state ? (side === 'in' ? inputSlots(state) : outputSlots(state)) : []);
  const read = graph.source?.graph;
  const known = asList(before).map(asObject);
  return slotsOf(graph).map(({ id = '', name, type }, at) => {
    const place = slotsOf(read).findIndex((slot) => slot.id === id);
    const entry: JsonObject = { id, name, type, ...known[place] };
    const [now, then] = [ids(graph, at, name), ids(read, place, slotsOf(read)[place]?.name ?? '')];
    const isSame = place >= 0 && now.join() === then.join();
    return { ...entry, name, type: entry['type'] ?? type, ...(isSame ? {} : { linkIds: outgoing(entry['linkIds'], now, then) ?? [] }) };
  });
}

function boundaryEntry(graph: Graph, id: string, before: Json | undefined): Json {
  const [node, read] = [graph.nodes[id], graph.source?.graph.nodes[id]];
  if (!node || (read?.position === node.position && read.size === node.size)) return before ?? {};
  return { ...asObject(before), id: idValue(id), bounding: [node.position.x, node.position.y, node.size.width, node.size.height] };
}

/** A definition as the file holds it. */
function subgraphEntry({ id, name, graph }: Subgraph, schema: Schema): JsonObject {
  const raw = graph.source?.raw;
  const written: JsonObject = {
    ...graphFields(graph, schema), id, name,
    inputs: slotEntries(graph, 'in', raw?.['inputs']), outputs: slotEntries(graph, 'out', raw?.['outputs']),
    inputNode: boundaryEntry(graph, INPUTS, raw?.['inputNode']), outputNode: boundaryEntry(graph, OUTPUTS, raw?.['outputNode']),
  };
  const isWanted = (key: string): boolean => !raw || key in raw || !['inputs', 'outputs', 'inputNode', 'outputNode', 'name'].includes(key)
    || (Array.isArray(written[key]) ? written[key].length > 0 : isObject(written[key]) ? Object.keys(written[key]).length > 0 : name !== id);
  return respell(raw, Object.fromEntries(Object.entries(written).filter(([key]) => isWanted(key))));
}

/** Ids of the subgraphs that nodes of a graph stand for, and those within them. */
export function subgraphsUsed(nodes: Graph['nodes'], all: Graph['subgraphs']): ReadonlySet<string> {
  const used = new Set<string>();
  const pending = Object.values(nodes).map((node) => node.type);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const subgraph = all[id];
    if (!subgraph || used.has(id)) continue;
    used.add(id);
    pending.push(...heldBy(subgraph, all));
  }
  return used;
}

/** The field `definitions`: those of the file in its order, then the new ones that are used. */
function definitions(root: Graph, schema: Schema): JsonObject {
  const before = root.rest['definitions'];
  const listed = asList(asObject(before)['subgraphs']);
  const used = subgraphsUsed(root.nodes, root.subgraphs);
  const seen = new Set<string>();
  const old = listed.map((entry): Json => {
    const id = asText(asObject(entry)['id']);
    const subgraph = isOrdinary(id) ? root.subgraphs[id] : undefined;
    if (!subgraph || seen.has(subgraph.id)) return entry;
    seen.add(subgraph.id);
    return subgraphEntry(subgraph, schema);
  });
  const added = Object.values(root.subgraphs).filter(({ id }) => !seen.has(id) && used.has(id)).map((subgraph) => subgraphEntry(subgraph, schema));
  if (old.length + added.length === 0) return {};
  return { definitions: { ...asObject(before), subgraphs: [...old, ...added] } };
}

/** The editor-form document of a graph; of the whole one where a subgraph is open. */
export function toEditorForm(graph: Graph, schema: Schema): JsonObject {
  const root = rootOf(graph);
  const full = withSubgraphs(schema, root.subgraphs);
  const start: JsonObject = root.source ? {} : { config: {}, extra: {}, version: 0.4 };
  const { source } = root;
  return respell(source?.raw, { ...start, ...graphFields(root, full), ...definitions(root, full) });
}
