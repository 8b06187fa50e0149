/** Reads the editor form of a workflow: versions 0.4 and 1. */
import { asList, asObject, asText, isObject, stringifyJson, type Json, type JsonObject } from './json';
import type { Graph, GraphNode, Group, Link, Mode, Point, SlotRecord } from './model';
import type { Schema } from './schema';
import { VIRTUAL_SPECS } from './virtual';
import { readPrimitive, readWidgetValues } from './widgetValues';

/** The document is not a workflow; the message says what was expected. */
export class WorkflowError extends Error {}

/** Height of the title bar that stands above `pos` in files; here a card's position includes it. */
export const TITLE_BAR = 30;

/** Places and sizes beyond this are mistakes that no canvas can show. */
const FURTHEST = 1e6;

export interface Parsed {
  graph: Graph;
  /** What had to be left out, one sentence each. */
  warnings: string[];
}

/** A pair stored as `[a, b]` or `{"0": a, "1": b}`. */
function pair(value: Json | undefined, fallback: readonly [number, number]): [number, number] {
  const at = (key: 0 | 1): Json | undefined => (Array.isArray(value) ? value[key] : asObject(value)[String(key)]);
  const number = (item: Json | undefined, other: number): number =>
    typeof item === 'number' && Number.isFinite(item) ? Math.min(Math.max(item, -FURTHEST), FURTHEST) : other;
  return [number(at(0), fallback[0]), number(at(1), fallback[1])];
}

function slots(value: Json | undefined): SlotRecord[] {
  return asList(value).map((entry) => ({
    name: asText(asObject(entry)['name']), type: asText(asObject(entry)['type'], '*'),
  }));
}

function modeOf(value: Json | undefined): Mode {
  return value === 2 ? 'muted' : value === 4 ? 'bypassed' : 'always';
}

function stored(type: string, schema: Schema, raw: JsonObject): Pick<GraphNode, 'values' | 'controls'> {
  const values = raw['widgets_values'];
  if (type === 'PrimitiveNode') return readPrimitive(values);
  const spec = schema[type] ?? VIRTUAL_SPECS[type];
  if (spec) return readWidgetValues(spec, values);
  return { values: isObject(values) ? values : {}, controls: {} };
}

function readNode(raw: JsonObject, schema: Schema): GraphNode {
  const type = asText(raw['type']);
  const [x, y] = pair(raw['pos'], [0, 0]);
  const [width, height] = pair(raw['size'], [0, 0]);
  const isReroute = type === 'Reroute';
  return {
    id: asText(raw['id']), type, title: asText(raw['title']),
    position: { x, y: isReroute ? y : y - TITLE_BAR },
    size: { width, height: isReroute ? height : height + TITLE_BAR },
    mode: modeOf(raw['mode']),
    collapsed: asObject(raw['flags'])['collapsed'] === true,
    open: raw['showAdvanced'] === true,
    ...stored(type, schema, raw),
    inputs: slots(raw['inputs']), outputs: slots(raw['outputs']), raw,
  };
}

interface RawLink {
  id: string;
  source: string;
  sourceSlot: number;
  target: string;
  targetSlot: number;
  type: string;
}

function rawLink(value: Json): RawLink | undefined {
  const fields = isObject(value)
    ? [value['id'], value['origin_id'], value['origin_slot'], value['target_id'], value['target_slot'], value['type']]
    : asList(value);
  if (fields.length < 5) return undefined;
  const [id, source, sourceSlot, target, targetSlot, type] = fields;
  return {
    id: asText(id), source: asText(source), sourceSlot: Number(sourceSlot), target: asText(target),
    targetSlot: Number(targetSlot), type: asText(type, '*'),
  };
}

function inputName(node: GraphNode, slot: number, schema: Schema): string | undefined {
  const recorded = node.inputs[slot]?.name;
  if (recorded !== undefined) return recorded;
  const spec = schema[node.type] ?? VIRTUAL_SPECS[node.type];
  return spec?.inputs.filter((input) => input.widget === null)[slot]?.name;
}

function readLinks(list: Json[], nodes: Graph['nodes'], schema: Schema, warnings: string[]): Record<string, Link> {
  const links: Record<string, Link> = {};
  const fed = new Set<string>();
  for (const entry of list) {
    if (entry === null) continue;
    const raw = rawLink(entry);
    const source = raw && nodes[raw.source];
    const target = raw && nodes[raw.target];
    const input = target && inputName(target, raw.targetSlot, schema);
    if (!raw || !source || input === undefined) {
      warnings.push(`Link ${raw?.id ?? '?'} was left out: it needs two existing nodes, but came as ${stringifyJson(entry)}.`);
      continue;
    }
    const end = `${raw.target}\n${input}`;
    if (fed.has(end)) continue;
    fed.add(end);
    const { id, sourceSlot, type } = raw;
    links[id] = { id, source: raw.source, sourceSlot, target: raw.target, input, type };
  }
  return links;
}

function readGroup(value: Json): Group {
  const raw = asObject(value);
  const box = asList(raw['bounding']).map((n) => (typeof n === 'number' ? n : 0));
  const [x = 0, y = 0, width = 0, height = 0] = box;
  return {
    title: asText(raw['title']), position: { x, y }, size: { width, height }, color: asText(raw['color']), raw,
  };
}

/** Whether a document looks like the editor form. */
export function isEditorForm(document: Json): document is JsonObject {
  return isObject(document) && Array.isArray(document['nodes']);
}

/** The graph of an editor-form document. Throws {@link WorkflowError}. */
export function parseEditorForm(document: Json, schema: Schema): Parsed {
  if (!isEditorForm(document)) {
    throw new WorkflowError('A workflow needs a list "nodes"; this document has none.');
  }
  const warnings: string[] = [];
  const nodes: Record<string, GraphNode> = {};
  for (const entry of asList(document['nodes'])) {
    const node = readNode(asObject(entry), schema);
    if (node.id === '' || node.type === '') {
      warnings.push('A node without id or type was left out.');
      continue;
    }
    if (node.id in nodes) warnings.push(`Two nodes have the id ${node.id}; the later one was kept.`);
    nodes[node.id] = node;
  }
  const { nodes: _nodes, links, groups, ...rest } = document;
  return {
    graph: {
      nodes, links: readLinks(asList(links), nodes, schema, warnings), groups: asList(groups).map(readGroup), rest,
    },
    warnings,
  };
}

/** Centre of a set of positions, for pasting and framing. */
export function centreOf(points: readonly Point[]): Point {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  if (points.length === 0) return { x: 0, y: 0 };
  return { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2 };
}
