/**
 * Writes the nodes, links and groups of the editor form.
 *
 * What the graph did not change since it was read is written as the file had it, to the byte: only fields that differ
 * from what was read are written anew.
 */
import { layoutIn } from './geometry';
import { asList, asObject, isObject, respell, sameJson, type Json, type JsonObject } from './json';
import { topologicalOrder } from './layout';
import { isBoundary, largestOf, type Entry, type Graph, type GraphNode, type Group, type Link } from './model';
import { readGroup, TITLE_BAR } from './parse';
import { idValue, inputEntries, inputNames, outputEntries, readState, sameSlots } from './saveSlots';
import type { Schema } from './schema';
import { specOf } from './virtual';
import { writePromoted, writeWidgetValues } from './widgetValues';

function modeNumber(node: GraphNode): Json {
  if (node.mode === 'muted') return 2;
  if (node.mode === 'bypassed') return 4;
  const before = node.raw['mode'];
  return before === undefined || before === 2 || before === 4 ? 0 : before;
}

function storedValues(node: GraphNode, graph: Graph, schema: Schema): Json | undefined {
  const before = node.raw['widgets_values'];
  if (node.type === 'PrimitiveNode') {
    const control = node.controls['value'];
    return [node.values['value'] ?? '', ...(control ? [control] : asList(before).slice(1))];
  }
  const spec = specOf(schema, node);
  if (spec?.isSubgraph) return writePromoted(spec, node, inputEntries(graph, schema, node, readState(graph, node)) ?? node.raw['inputs'] ?? []);
  if (spec) return writeWidgetValues(spec, node);
  if (before !== undefined && !isObject(before)) return before;
  return Object.keys(node.values).length > 0 ? { ...asObject(before), ...node.values } : before;
}

function flagsOf(node: GraphNode): Json {
  const { collapsed: _collapsed, pinned: _pinned, ...others } = asObject(node.raw['flags']);
  return { ...others, ...(node.collapsed ? { collapsed: true } : {}), ...(node.pinned ? { pinned: true } : {}) };
}

function propertiesOf(node: GraphNode): Json {
  const { depth: _depth, ...others } = asObject(node.raw['properties']);
  return { 'Node name for S&R': node.type, ...others, ...(node.depth === 0 ? {} : { depth: node.depth }) };
}

/** What a field of a node is written as; undefined leaves it out. */
type Writer = (node: GraphNode, graph: Graph, schema: Schema) => Json | undefined;

function bar(node: GraphNode): number {
  return node.type === 'Reroute' ? 0 : TITLE_BAR;
}

/** Fields of the file that hold what the graph knows, which of its fields each holds, and how it is written. */
const FIELDS: readonly (readonly [string, readonly (keyof GraphNode)[], Writer])[] = [
  ['id', ['id'], ({ id }) => idValue(id)],
  ['type', ['type'], ({ type }) => type],
  ['pos', ['position'], (node) => [node.position.x, node.position.y + bar(node)]],
  ['size', ['size'], (node, graph, schema) => {
    const { width, height } = node.collapsed ? node.size : layoutIn(graph, schema, node);
    return [width, height - bar(node)];
  }],
  ['flags', ['collapsed', 'pinned'], flagsOf],
  ['mode', ['mode'], modeNumber],
  ['title', ['title'], ({ title }) => title || undefined],
  ['color', ['color'], ({ color }) => color || undefined],
  ['bgcolor', ['background'], ({ background }) => background || undefined],
  ['properties', ['depth'], propertiesOf],
  ['showAdvanced', ['open'], ({ open }) => open || undefined],
  ['widgets_values', ['values', 'controls'], storedValues],
];

function isSame(a: GraphNode, b: GraphNode, keys: readonly (keyof GraphNode)[]): boolean {
  return keys.every((key) => a[key] === b[key] || sameJson(a[key] as Json, b[key] as Json));
}

function nodeEntry(graph: Graph, schema: Schema, node: GraphNode, order: number): JsonObject {
  const before = readState(graph, node);
  const changed = FIELDS.filter(([, keys]) => !before || !isSame(before, node, keys));
  const fields = changed.map(([key, , write]): [string, Json | undefined] => [key, write(node, graph, schema)]);
  const entry = Object.fromEntries(Object.entries({ ...node.raw, ...Object.fromEntries(fields) }).filter(([, value]) => value !== undefined)) as JsonObject;
  const inputs = inputEntries(graph, schema, node, before);
  const outputs = outputEntries(graph, schema, node, before);
  if (inputs) entry['inputs'] = inputs;
  if (outputs) entry['outputs'] = outputs;
  if (!before) entry['order'] = order;
  return respell(node.raw, entry);
}

function isSameLink(a: Link, b: Link): boolean {
  return a === b || (a.source === b.source && a.sourceSlot === b.sourceSlot && a.target === b.target && a.input === b.input && a.type === b.type);
}

function linkEntry(graph: Graph, schema: Schema, link: Link, asObjects: boolean): Json {
  const target = graph.nodes[link.target];
  const read = graph.source?.graph;
  const [known, before] = [read?.links[link.id], read?.nodes[link.target]];
  const isRead = known && target && before && isSameLink(known, link) && sameSlots(before.inputs, target.inputs);
  if (link.raw !== undefined && isRead) return link.raw;
  const slot = Math.max(inputNames(graph, schema, target).indexOf(link.input), 0);
  const [id, from, to] = [idValue(link.id), idValue(link.source), idValue(link.target)];
  if (!asObjects) return respell(link.raw, [id, from, link.sourceSlot, to, slot, link.type, ...asList(link.raw).slice(6)]);
  return respell(link.raw, {
    ...asObject(link.raw), id, origin_id: from, origin_slot: link.sourceSlot, target_id: to, target_slot: slot, type: link.type,
  });
}

function groupFacts({ title, color, position, size }: Group): Json {
  return [title, color, position.x, position.y, size.width, size.height];
}

function groupEntry(group: Group): JsonObject {
  const { title, color, position, size, raw } = group;
  if (sameJson(groupFacts(group), groupFacts(readGroup(raw)))) return raw;
  const bounding = [position.x, position.y, size.width, size.height];
  return respell(raw, { ...raw, ...('title' in raw || title ? { title } : {}), ...('color' in raw || color ? { color } : {}), bounding });
}

/** A list of the file: what is left of it in its order, then what is new. */
function listed<T>(known: readonly Entry[] | undefined, items: Readonly<Record<string, T>>, write: (item: T) => Json): Json[] {
  const old = (known ?? []).flatMap((entry): Json[] => {
    if ('raw' in entry) return [entry.raw];
    const item = items[entry.id];
    return item === undefined ? [] : [write(item)];
  });
  const written = new Set((known ?? []).flatMap((entry) => ('id' in entry ? [entry.id] : [])));
  return [...old, ...Object.entries(items).flatMap(([id, item]) => (written.has(id) ? [] : [write(item)]))];
}

function largest(ids: readonly string[], ...recorded: (Json | undefined)[]): number {
  return largestOf([...recorded.filter((value) => typeof value === 'number'), ...ids.map(Number).filter(Number.isInteger)]);
}

/** Links of version 1 and of subgraphs are objects. */
function hasLinkObjects(graph: Graph): boolean {
  return asList(graph.source?.raw['links']).some(isObject) || graph.rest['version'] === 1;
}

/** What stands beside the lists, with the largest ids given: version 1 keeps these in an object of their own. */
function besideLists({ nodes, links, rest, source }: Graph): JsonObject {
  const { last_node_id: node, last_link_id: link, ...others } = rest;
  const { state } = rest;
  const count = (known: readonly (Json | undefined)[]): [number, number] => [
    largest(Object.keys(nodes), node, known[0]), largest(Object.keys(links), link, known[1]),
  ];
  if (!isObject(state)) {
    const [last_node_id, last_link_id] = count([]);
    return { ...others, last_node_id, last_link_id };
  }
  const [lastNodeId, lastLinkId] = count([state['lastNodeId'], state['lastLinkId']]);
  const recorded = Object.entries({ last_node_id: node, last_link_id: link }).filter(([key]) => key in (source?.raw ?? {}));
  return { ...others, ...(Object.fromEntries(recorded) as JsonObject), state: { ...state, lastNodeId, lastLinkId } };
}

/** Whether anything was added to the graph since it was read. */
function hasGrown(graph: Graph): boolean {
  const read = graph.source?.graph;
  return !read || Object.keys(graph.nodes).some((id) => !(id in read.nodes)) || Object.keys(graph.links).some((id) => !(id in read.links));
}

/** The lists of a graph as the file holds them; empty ones that the file lacked stay away. */
function lists(graph: Graph, schema: Schema): JsonObject {
  const inList = Object.fromEntries(Object.entries(graph.nodes).filter(([, node]) => !isBoundary(node)));
  const order = Object.fromEntries(topologicalOrder(graph).map((id, at) => [id, at]));
  const asObjects = hasLinkObjects(graph);
  const links = listed(graph.source?.links, graph.links, (link) => linkEntry(graph, schema, link, asObjects));
  const groups = graph.groups.map(groupEntry);
  const isWanted = (key: string, list: Json[]): boolean => !graph.source || key in graph.source.raw || list.length > 0;
  return {
    nodes: listed(graph.source?.nodes, inList, (node) => nodeEntry(graph, schema, node, order[node.id] ?? 0)),
    ...(isWanted('links', links) ? { links } : {}), ...(isWanted('groups', groups) ? { groups } : {}),
  };
}

/** A graph as fields of a document, without its subgraphs. */
export function graphFields(graph: Graph, schema: Schema): JsonObject {
  return { ...(hasGrown(graph) ? besideLists(graph) : graph.rest), ...lists(graph, schema) };
}
