/** Reads any workflow document: editor form, API form, or a prompt body that holds one of them. */
import { asList, asObject, asText, isObject, isOrdinary, type Json, type JsonObject } from './json';
import { defaults } from './edit';
import { defaultSize } from './geometry';
import { arrange } from './layout';
import type { Graph, GraphNode, Link } from './model';
import { parseEditorForm, type Parsed } from './document';
import { isEditorForm, WorkflowError } from './parse';
import type { Finding } from './report';
import { inputLabel, type NodeSpec, type Schema, type WidgetValue } from './schema';

/** Property of a node read from the API form that keeps what the graph has no place for. */
export const API_PARTS = 'sd35graph.api';

/** Whether a document looks like the API form: every entry names a class. */
export function isApiForm(document: Json): document is JsonObject {
  if (!isObject(document)) return false;
  const entries = Object.entries(document);
  return entries.length > 0 && entries.every(([id, entry]) => isObject(entry) && typeof entry['class_type'] === 'string' && isOrdinary(id) && isOrdinary(entry['class_type']));
}

/** No node has so many outputs; a card with room for them would end the page. */
const MOST_OUTPUTS = 1000;

function asLink(value: Json, document: JsonObject): [string, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [source, slot] = value;
  if (typeof source !== 'string' || !Object.hasOwn(document, source)) return undefined;
  return typeof slot === 'number' && Number.isInteger(slot) && slot >= 0 && slot < MOST_OUTPUTS ? [source, slot] : undefined;
}

function highestSlots(document: JsonObject): Record<string, number> {
  const highest: Record<string, number> = {};
  for (const entry of Object.values(document)) {
    for (const value of Object.values(asObject(asObject(entry)['inputs']))) {
      const link = asLink(value, document);
      if (link) highest[link[0]] = Math.max(highest[link[0]] ?? 0, link[1]);
    }
  }
  return highest;
}

/** What an entry holds besides its class and the inputs that are known: kept for writing the API form again. */
function unknownParts(entry: JsonObject, surplus: [string, Json][]): JsonObject {
  const { class_type: _type, inputs: _inputs, ...others } = entry;
  return { ...others, ...(surplus.length > 0 ? { inputs: Object.fromEntries(surplus) } : {}) };
}

function readNode(id: string, entry: JsonObject, document: JsonObject, spec: NodeSpec | undefined, slots: number): GraphNode {
  const inputs = Object.entries(asObject(entry['inputs']));
  const given = inputs.filter(([, value]) => !asLink(value, document)) as [string, WidgetValue][];
  const isKnown = (name: string): boolean => !spec || spec.inputs.some((input) => input.name === name);
  const start = spec ? defaults(spec) : { values: {}, controls: {} };
  const linked = new Set(inputs.flatMap(([name, value]) => (asLink(value, document) ? [name] : [])));
  const taken = Object.entries(start.values).filter(([name]) => !linked.has(name));
  const node: GraphNode = {
    id, type: asText(entry['class_type']), title: asText(asObject(entry['_meta'])['title']),
    position: { x: 0, y: 0 }, size: { width: 260, height: 0 }, mode: 'always', collapsed: false, open: false, pinned: false, color: '', background: '', depth: 0,
    values: { ...Object.fromEntries(taken), ...Object.fromEntries(given.filter(([name]) => isKnown(name))) },
    // The document states a seed; running it again must give the same picture until the user says otherwise.
    controls: Object.fromEntries(Object.keys(start.controls).map((name) => [name, 'fixed' as const])),
    inputs: spec ? [] : [...linked].map((name) => ({ name, type: '*' })),
    outputs: spec ? [] : Array.from({ length: slots }, (_, slot) => ({ name: `output ${slot}`, type: '*' })),
    raw: { properties: { [API_PARTS]: unknownParts(entry, given.filter(([name]) => !isKnown(name))) } },
  };
  // Other servers write the same names with other capitals: `Load Checkpoint`.
  const isOwn = [spec?.title, spec?.type].includes(node.title) || node.title.toLowerCase() === spec?.serverTitle.toLowerCase();
  const title = isOwn ? '' : node.title;
  return { ...node, title, size: spec ? defaultSize(node, spec) : node.size };
}

function findings(node: GraphNode, entry: JsonObject, schema: Schema): Finding[] {
  const spec = schema[node.type];
  if (!spec) return [{ code: 'unknown_node', node: node.id, subject: node.type }];
  const taken = Object.keys(node.values).filter((name) => !(name in asObject(entry['inputs'])));
  return taken.map((name) => ({ code: 'default_taken', node: node.id, subject: inputLabel(spec, name) }));
}

/** The graph of an API-form document, laid out in columns. */
export function parseApiForm(document: JsonObject, schema: Schema): Parsed {
  const highest = highestSlots(document);
  const nodes: Record<string, GraphNode> = {};
  const links: Record<string, Link> = {};
  const report: Finding[] = [];
  for (const [id, value] of Object.entries(document)) {
    const entry = asObject(value);
    const spec = schema[asText(entry['class_type'])];
    const node = readNode(id, entry, document, spec, id in highest ? (highest[id] ?? 0) + 1 : 0);
    nodes[id] = node;
    report.push(...findings(node, entry, schema));
    for (const [input, from] of Object.entries(asObject(entry['inputs']))) {
      const link = asLink(from, document);
      if (!link) continue;
      const [source, sourceSlot] = link;
      const linkId = String(Object.keys(links).length + 1);
      const sourceSpec = schema[asText(asObject(document[source])['class_type'])];
      const type = sourceSpec?.outputs[sourceSlot]?.type ?? '*';
      links[linkId] = { id: linkId, source, sourceSlot, target: id, input, type };
    }
  }
  const graph: Graph = { nodes, links, groups: [], rest: {}, subgraphs: {} };
  return { graph: arrange(graph, schema), report };
}

/** The graph of any workflow document. Throws {@link WorkflowError}. */
export function parseWorkflow(document: Json, schema: Schema): Parsed {
  if (isEditorForm(document)) {
    const { graph, report } = parseEditorForm(document, schema);
    const isPlaced = asList(document['nodes']).some((node) => asObject(node)['pos'] !== undefined);
    return { graph: isPlaced ? graph : arrange(graph, schema), report };
  }
  if (isApiForm(document)) return parseApiForm(document, schema);
  if (isObject(document)) {
    const extra = asObject(asObject(document['extra_data'])['extra_pnginfo']);
    for (const inner of [document['workflow'], extra['workflow'], document['prompt']]) {
      if (inner !== undefined && (isEditorForm(inner) || isApiForm(inner))) return parseWorkflow(inner, schema);
    }
  }
  throw new WorkflowError('no_workflow');
}
