/** Reads the nodes, links and groups of the editor form: versions 0.4 and 1. */
import { asList, asObject, asText, isObject, isOrdinary, stringifyJson, type Json, type JsonObject } from './json';
import { largestOf, type Entry, type Graph, type GraphNode, type Group, type Mode, type SlotRecord } from './model';
import { readLinks } from './parseLinks';
import type { Finding } from './report';
import { inputLabel, type Schema } from './schema';
import { specOf, VIRTUAL_SPECS } from './virtual';
import { misfits, readPrimitive, readPromoted, readWidgetValues } from './widgetValues';

/**
 * Why a document is no workflow:
 * - `empty`: there is nothing in it.
 * - `too_large`: it has more than `subject` megabytes.
 * - `no_text`: a picture that carries none.
 * - `too_deep`: it is nested deeper than `subject` levels.
 * - `no_nodes`: a list of nodes was expected.
 * - `no_workflow`: neither of the two forms.
 * - `holds_itself`: a subgraph does, by the way `subject`.
 * - `too_many_nodes`: it has more than `subject` once its subgraphs are expanded.
 */
export type WorkflowFault = 'empty' | 'too_large' | 'too_deep' | 'no_text' | 'no_nodes' | 'no_workflow' | 'holds_itself' | 'too_many_nodes';

/** The document is not a workflow. */
export class WorkflowError extends Error {
  constructor(readonly code: WorkflowFault, readonly subject = '') {
    super(`${code}: ${subject}`);
  }
}

/** Height of the title bar that stands above `pos` in files; here a card's position includes it. */
export const TITLE_BAR = 30;

/** Places and sizes beyond this are mistakes that no canvas can show. */
const FURTHEST = 1e6;

/** A pair stored as `[a, b]` or `{"0": a, "1": b}`. */
export function pair(value: Json | undefined, fallback: readonly [number, number]): [number, number] {
  const at = (key: 0 | 1): Json | undefined => (Array.isArray(value) ? value[key] : asObject(value)[String(key)]);
  return [within(at(0), fallback[0]), within(at(1), fallback[1])];
}

/** A number as far as a canvas can show it. */
export function within(value: Json | undefined, fallback = 0): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.min(Math.max(value, -FURTHEST), FURTHEST) : fallback;
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
  if (spec?.isSubgraph) return { values: readPromoted(raw), controls: {} };
  if (spec) return readWidgetValues(spec, values);
  return { values: isObject(values) ? values : {}, controls: {} };
}

function readNode(raw: JsonObject, schema: Schema): GraphNode {
  const type = asText(raw['type']);
  const [x, y] = pair(raw['pos'], [0, 0]);
  const [width, height] = pair(raw['size'], [0, 0]);
  const bar = type === 'Reroute' ? 0 : TITLE_BAR;
  const flags = asObject(raw['flags']);
  const depth = asObject(raw['properties'])['depth'];
  return {
    id: asText(raw['id']), type, title: asText(raw['title']),
    position: { x, y: y - bar }, size: { width, height: height + bar },
    mode: modeOf(raw['mode']), collapsed: flags['collapsed'] === true, pinned: flags['pinned'] === true,
    color: asText(raw['color']), background: asText(raw['bgcolor']), depth: within(depth), open: raw['showAdvanced'] === true,
    ...stored(type, schema, raw),
    inputs: slots(raw['inputs']), outputs: slots(raw['outputs']), raw,
  };
}

/** What of a node's values its widgets cannot take. Types that only the editor knows take anything. */
function misfitsOf(node: GraphNode, schema: Schema): Finding[] {
  const spec = schema[node.type];
  if (!spec || spec.isSubgraph) return [];
  const { wrong, surplus } = misfits(spec, node.values, node.raw['widgets_values']);
  const findings = wrong.map((input): Finding => ({ code: 'wrong_value', node: node.id, subject: inputLabel(spec, input) }));
  return surplus > 0 ? [...findings, { code: 'surplus_values', node: node.id, subject: String(surplus) }] : findings;
}

interface ReadNodes {
  nodes: Record<string, GraphNode>;
  entries: Entry[];
}

function readNodes(list: Json[], schema: Schema, report: Finding[]): ReadNodes {
  const nodes: Record<string, GraphNode> = {};
  const entries = list.map((entry): Entry => {
    const raw = asObject(entry);
    const [id, type] = [asText(raw['id']), asText(raw['type'])];
    const isBroken = [id, type].some((name) => name === '' || !isOrdinary(name));
    if (isBroken) report.push({ code: 'broken_node', node: id || null, subject: stringifyJson(entry).slice(0, 80) });
    else if (id in nodes) report.push({ code: 'same_id', node: id, subject: type });
    if (isBroken || id in nodes) return { raw: entry };
    const node = readNode(raw, schema);
    nodes[id] = node;
    if (!specOf(schema, node)) report.push({ code: 'unknown_node', node: node.id, subject: node.type });
    else report.push(...misfitsOf(node, schema));
    return { id };
  });
  return { nodes, entries };
}

/** A group of the file, with no less than no size. */
export function readGroup(raw: JsonObject): Group {
  const [x = 0, y = 0, width = 0, height = 0] = asList(raw['bounding']).map((side) => within(side));
  const size = { width: Math.max(width, 0), height: Math.max(height, 0) };
  return { title: asText(raw['title']), position: { x, y }, size, color: asText(raw['color']), raw };
}

function readGroups(list: Json[], report: Finding[]): Group[] {
  return list.flatMap((entry) => {
    if (isObject(entry)) return [readGroup(entry)];
    report.push({ code: 'broken_group', node: null, subject: stringifyJson(entry).slice(0, 80) });
    return [];
  });
}

/** Whether a document looks like the editor form. */
export function isEditorForm(document: Json): document is JsonObject {
  return isObject(document) && Array.isArray(document['nodes']);
}

/** Reads the lists of a workflow or of a subgraph; `own` are nodes that stand in other fields of the document. */
export function readGraph(document: JsonObject, schema: Schema, report: Finding[], own: readonly GraphNode[] = []): Graph {
  const { nodes: listed, entries } = readNodes(asList(document['nodes']), schema, report);
  const nodes = { ...listed, ...Object.fromEntries(own.map((node) => [node.id, node])) };
  const read = readLinks(asList(document['links']), nodes, schema, report);
  const { nodes: _nodes, links: _links, groups, ...rest } = document;
  const graph: Graph = { nodes, links: read.links, groups: readGroups(asList(groups), report), rest, subgraphs: {} };
  const lastNode = largestOf([read.lastNode, ...wholeNumbers(asList(document['nodes']).map((node) => asObject(node)['id']))]);
  return { ...graph, source: { raw: document, graph, nodes: entries, links: read.entries, lastNode, lastLink: read.lastLink } };
}

function wholeNumbers(values: readonly unknown[]): number[] {
  return values.filter((value): value is number => Number.isSafeInteger(value));
}
