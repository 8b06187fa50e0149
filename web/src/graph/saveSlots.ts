/** The sockets of a node as the file holds them: each names the links that end at it or leave it. */
import { asList, asObject, type Json, type JsonObject } from './json';
import type { Graph, GraphNode, Link, SlotRecord } from './model';
import { linkIndex } from './model';
import type { InputSpec, NodeSpec, Schema } from './schema';
import { specOf } from './virtual';

/** Ids that look like numbers are numbers in the file. */
export function idValue(id: string): Json {
  return /^(0|-?[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}

/** The node as it was read, if it is one that was read. */
export function readState(graph: Graph, node: GraphNode): GraphNode | undefined {
  const before = graph.source?.graph.nodes[node.id];
  return before?.raw === node.raw ? before : undefined;
}

/** Whether two lists of sockets are the same. */
export function sameSlots(a: readonly SlotRecord[], b: readonly SlotRecord[]): boolean {
  return a === b || (a.length === b.length && a.every((slot, at) => slot.name === b[at]?.name && slot.type === b[at].type));
}

function into(graph: Graph | undefined, node: GraphNode): Readonly<Record<string, Link>> {
  return (graph && linkIndex(graph).into[node.id]) ?? {};
}

/** Input names of a node in file order: as the file had them, then what a link or, in a new node, the schema adds. */
export function inputNames(graph: Graph, schema: Schema, node: GraphNode | undefined): string[] {
  if (!node) return [];
  const linked = into(graph, node);
  const isRead = readState(graph, node) !== undefined;
  const spec = specOf(schema, node);
  const isListed = (input: InputSpec): boolean => (!isRead && (input.widget === null || spec?.isSubgraph === true)) || input.name in linked || (spec?.isSubgraph === true && input.name in node.values);
  const sockets = (spec?.inputs ?? []).filter(isListed);
  const known = node.inputs.map((slot) => slot.name);
  const added = new Set([...sockets.map((input) => input.name), ...Object.keys(linked)]);
  return [...known, ...[...added].filter((name) => !known.includes(name))];
}

/** Whether a subgraph's node gives a value where, as it was read, it gave none. */
function isPromotedNow(spec: NodeSpec | undefined, node: GraphNode, read: GraphNode | undefined, name: string): boolean {
  return spec?.isSubgraph === true && name in node.values && !(name in (read?.values ?? {}));
}

/** The list `inputs` of a node; undefined where the file's stands as it is. `read`: the node as it was read. */
export function inputEntries(graph: Graph, schema: Schema, node: GraphNode, read: GraphNode | undefined): Json[] | undefined {
  const [now, then] = [into(graph, node), into(read && graph.source?.graph, node)];
  const names = inputNames(graph, schema, node);
  const spec = specOf(schema, node);
  const isSame = (name: string): boolean => now[name]?.id === then[name]?.id && !isPromotedNow(spec, node, read, name);
  if (read && sameSlots(read.inputs, node.inputs) && names.every(isSame) && Object.keys(then).every(isSame)) return undefined;
  const before = asList(node.raw['inputs']).map(asObject);
  return names.map((name, at) => {
    const known = before[at]?.['name'] === name ? before[at] : before.find((entry) => entry['name'] === name);
    const input = spec?.inputs.find((candidate) => candidate.name === name);
    const type = input?.type ?? node.inputs.find((slot) => slot.name === name)?.type ?? '*';
    const entry: JsonObject = { name, type, ...known };
    const link = now[name];
    if (!read || !known || link?.id !== then[name]?.id) entry['link'] = link ? idValue(link.id) : null;
    if (input?.widget && !('widget' in entry) && (!spec?.isSubgraph || !read || name in node.values)) entry['widget'] = { name };
    return entry;
  });
}

/** The links of one output: those the file lists that are still there or were never understood, then the new ones. */
export function outgoing(listed: Json | undefined, now: readonly string[], then: readonly string[]): Json {
  const gone = new Set(then.filter((id) => !now.includes(id)).map(idValue));
  const old = asList(listed).filter((id) => !gone.has(id));
  const links = [...old, ...now.map(idValue).filter((id) => !old.includes(id))];
  return links.length > 0 ? links : null;
}

function idsFrom(graph: Graph | undefined, node: GraphNode, slot: number): string[] {
  const links = (graph && linkIndex(graph).outOf[node.id]) ?? [];
  return links.filter((link) => link.sourceSlot === slot).map((link) => link.id);
}

/** The list `outputs` of a node; undefined where the file's stands as it is. */
export function outputEntries(graph: Graph, schema: Schema, node: GraphNode, read: GraphNode | undefined): Json[] | undefined {
  const before = asList(node.raw['outputs']).map(asObject);
  const spec = specOf(schema, node);
  const declared = spec?.outputs ?? [];
  const source = read && graph.source?.graph;
  const slots = Array.from({ length: spec?.isSubgraph ? declared.length : Math.max(before.length, declared.length, node.outputs.length) }, (_, slot) => ({
    now: idsFrom(graph, node, slot), then: idsFrom(source, node, slot), slot,
  }));
  if (read && sameSlots(read.outputs, node.outputs) && slots.every(({ now, then }) => now.join() === then.join())) return undefined;
  return slots.map(({ now, then, slot }): JsonObject => {
    const { name, type } = declared[slot] ?? node.outputs[slot] ?? { name: '', type: '*' };
    // The outputs of a subgraph's node move and change their names.
    const known = spec?.isSubgraph ? before.find((one) => one['name'] === name) : before[slot];
    const entry: JsonObject = { name, type, ...known };
    const isChanged = !read || !known || spec?.isSubgraph === true || now.join() !== then.join();
    return isChanged ? { ...entry, links: outgoing(read && !spec?.isSubgraph ? entry['links'] : null, now, then) } : entry;
  });
}
