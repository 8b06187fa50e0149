/** Reads any workflow document: editor form, API form, or a prompt body that holds one of them. */
import { asList, asObject, asText, isObject, type Json, type JsonObject } from './json';
import { defaults } from './edit';
import { defaultSize } from './geometry';
import { arrange } from './layout';
import type { Graph, GraphNode, Link } from './model';
import { isEditorForm, parseEditorForm, WorkflowError, type Parsed } from './parse';
import type { NodeSpec, Schema, WidgetValue } from './schema';

/** Whether a document looks like the API form: every entry names a class. */
export function isApiForm(document: Json): document is JsonObject {
  if (!isObject(document)) return false;
  const entries = Object.values(document);
  return entries.length > 0 && entries.every((entry) => isObject(entry) && typeof entry['class_type'] === 'string');
}

function asLink(value: Json, document: JsonObject): [string, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [source, slot] = value;
  return typeof source === 'string' && typeof slot === 'number' && source in document ? [source, slot] : undefined;
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

function readNode(id: string, entry: JsonObject, document: JsonObject, spec: NodeSpec | undefined, slots: number): GraphNode {
  const inputs = Object.entries(asObject(entry['inputs']));
  const given = inputs.filter(([, value]) => !asLink(value, document)) as [string, WidgetValue][];
  const known = spec ? given.filter(([name]) => spec.inputs.some((input) => input.name === name)) : given;
  const start = spec ? defaults(spec) : { values: {}, controls: {} };
  const node: GraphNode = {
    id, type: asText(entry['class_type']), title: asText(asObject(entry['_meta'])['title']),
    position: { x: 0, y: 0 }, size: { width: 260, height: 0 }, mode: 'always', collapsed: false, open: false,
    values: { ...start.values, ...Object.fromEntries(known) },
    // The document states a seed; running it again must give the same picture until the user says otherwise.
    controls: Object.fromEntries(Object.keys(start.controls).map((name) => [name, 'fixed' as const])),
    inputs: spec ? [] : inputs.flatMap(([name, value]) => (asLink(value, document) ? [{ name, type: '*' }] : [])),
    outputs: spec ? [] : Array.from({ length: slots }, (_, slot) => ({ name: `output ${slot}`, type: '*' })),
    raw: {},
  };
  const own = [spec?.title, spec?.serverTitle, spec?.type];
  const title = own.includes(node.title) ? '' : node.title;
  return { ...node, title, size: spec ? defaultSize(node, spec) : node.size };
}

/** The graph of an API-form document, laid out in columns. */
export function parseApiForm(document: JsonObject, schema: Schema): Parsed {
  const highest = highestSlots(document);
  const nodes: Record<string, GraphNode> = {};
  const links: Record<string, Link> = {};
  for (const [id, value] of Object.entries(document)) {
    const entry = asObject(value);
    const spec = schema[asText(entry['class_type'])];
    nodes[id] = readNode(id, entry, document, spec, id in highest ? (highest[id] ?? 0) + 1 : 0);
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
  const graph: Graph = { nodes, links, groups: [], rest: {} };
  return { graph: arrange(graph, schema), warnings: [] };
}

/** The graph of any workflow document. Throws {@link WorkflowError}. */
export function parseWorkflow(document: Json, schema: Schema): Parsed {
  if (isEditorForm(document)) {
    const { graph, warnings } = parseEditorForm(document, schema);
    const isPlaced = asList(document['nodes']).some((node) => asObject(node)['pos'] !== undefined);
    return { graph: isPlaced ? graph : arrange(graph, schema), warnings };
  }
  if (isApiForm(document)) return parseApiForm(document, schema);
  if (isObject(document)) {
    const extra = asObject(asObject(document['extra_data'])['extra_pnginfo']);
    for (const inner of [document['workflow'], extra['workflow'], document['prompt']]) {
      if (inner !== undefined && (isEditorForm(inner) || isApiForm(inner))) return parseWorkflow(inner, schema);
    }
  }
  throw new WorkflowError(
    'This is not a workflow: expected an object with a list "nodes" (editor form) or nodes with "class_type" (API form).',
  );
}
