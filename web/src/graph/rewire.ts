/** Changing a graph along its links: nodes put into a link, and nodes exchanged for others. */
import { carriedType, connect, disconnect, fittingOutput, inputType, outputType, typesFit, type Endpoints } from './connect';
import { addNode, newNode, updateNode } from './edit';
import { boxOf, type Box } from './align';
import { boundsOf, curveOf, distanceTo } from './curve';
import { layoutIn, type CardLayout } from './geometry';
import { isBoundary, linkIndex, type Graph, type GraphNode, type Link, type Point } from './model';
import { widgetInputs, type NodeSpec, type Schema } from './schema';
import { specOf, VIRTUAL_SPECS } from './virtual';
import { meets } from './window';

/** First input of a type that takes `type` and has no link yet; sockets before widgets. */
function openInput(graph: Graph, spec: NodeSpec, id: string, type: string): string | undefined {
  const taken = linkIndex(graph).into[id] ?? {};
  const free = spec.inputs.filter((input) => !(input.name in taken) && typesFit(type, input.type));
  return (free.find((input) => input.widget === null) ?? free[0])?.name;
}

/** How a node would stand within a link: where it is fed, and which of its outputs goes on. Undefined where it cannot. */
function within(graph: Graph, schema: Schema, link: Link, node: GraphNode): { input: string; slot: number } | undefined {
  const spec = specOf(schema, node);
  if (!spec || link.source === node.id || link.target === node.id) return undefined;
  const input = openInput(graph, spec, node.id, carriedType(schema, graph, link.source, link.sourceSlot));
  const wanted = inputType(schema, graph.nodes[link.target], link.input);
  const slot = wanted === undefined ? undefined : fittingOutput(spec, wanted);
  return input === undefined || slot === undefined ? undefined : { input, slot };
}

/** The graph with a node put into a link: what flowed through it now flows through the node. The graph itself where that does not fit. */
export function insertInLink(graph: Graph, schema: Schema, linkId: string, id: string): Graph {
  const link = graph.links[linkId];
  const node = graph.nodes[id];
  const ends = link && node && within(graph, schema, link, node);
  if (!ends) return graph;
  const opened = disconnect(graph, [linkId]);
  const fed = connect(opened, schema, { source: link.source, sourceSlot: link.sourceSlot, target: id, input: ends.input });
  const done = connect(fed, schema, { source: id, sourceSlot: ends.slot, target: link.target, input: link.input });
  return fed === opened || done === fed ? graph : done;
}

/** The graph with a reroute in a link, its middle at a point; and the reroute's id. */
export function addReroute(graph: Graph, schema: Schema, linkId: string, at: Point): { graph: Graph; id: string } | undefined {
  const spec = VIRTUAL_SPECS['Reroute'];
  if (!spec || !graph.links[linkId]) return undefined;
  const { width, height } = newNode(spec, '', at).size;
  const added = addNode(graph, spec, { x: at.x - width / 2, y: at.y - height / 2 });
  const inserted = insertInLink(added.graph, schema, linkId, added.id);
  return inserted === added.graph ? undefined : { graph: inserted, id: added.id };
}

function keptValues(before: GraphNode, spec: NodeSpec): Pick<GraphNode, 'values' | 'controls'> {
  const fresh = newNode(spec, before.id, before.position);
  const values = { ...fresh.values };
  const controls = { ...fresh.controls };
  for (const { name, widget } of widgetInputs(spec)) {
    const held = before.values[name];
    if (held === undefined || typeof held !== typeof widget.default) continue;
    values[name] = held;
    const control = before.controls[name];
    if (control && widget.kind === 'seed') controls[name] = control;
  }
  return { values, controls };
}

/** The input of the new type a link goes to: of the same name if its type fits, else the first open one that fits. */
function movedInput(graph: Graph, spec: NodeSpec, link: Link, type: string): string | undefined {
  const same = spec.inputs.find((input) => input.name === link.input);
  if (same && typesFit(type, same.type)) return same.name;
  return openInput(graph, spec, link.target, type);
}

/** The output of the new type a link leaves: the same slot if its type fits, else the first that does. */
function movedSlot(schema: Schema, graph: Graph, spec: NodeSpec, link: Link): number | undefined {
  const wanted = inputType(schema, graph.nodes[link.target], link.input);
  if (wanted === undefined) return undefined;
  const same = spec.outputs[link.sourceSlot];
  return same && typesFit(same.type, wanted) ? link.sourceSlot : fittingOutput(spec, wanted);
}

function relinked(graph: Graph, schema: Schema, links: readonly Link[], ends: (graph: Graph, link: Link) => Endpoints | undefined): Graph {
  return links.reduce((next, link) => {
    const moved = ends(next, link);
    return moved ? connect(next, schema, moved) : next;
  }, graph);
}

/** The graph with a node exchanged for one of another type: place, title, values of the same name and links that fit are kept. */
export function replaceNode(graph: Graph, schema: Schema, id: string, spec: NodeSpec): Graph {
  const before = graph.nodes[id];
  if (!before || before.type === spec.type || isBoundary(before)) return graph;
  const { into, outOf } = linkIndex(graph);
  const incoming = Object.values(into[id] ?? {});
  const outgoing = outOf[id] ?? [];
  const fresh = newNode(spec, id, before.position);
  const opened = disconnect(graph, [...incoming, ...outgoing].map((link) => link.id));
  const replaced = updateNode(opened, id, {
    ...fresh, ...keptValues(before, spec), title: before.title, mode: before.mode, collapsed: before.collapsed,
  });
  const fed = relinked(replaced, schema, incoming, (now, link) => {
    const type = outputType(schema, now.nodes[link.source], link.sourceSlot);
    const input = type === undefined ? undefined : movedInput(now, spec, link, type);
    return input === undefined ? undefined : { source: link.source, sourceSlot: link.sourceSlot, target: id, input };
  });
  return relinked(fed, schema, outgoing, (now, link) => {
    const sourceSlot = movedSlot(schema, now, spec, link);
    return sourceSlot === undefined ? undefined : { source: id, sourceSlot, target: link.target, input: link.input };
  });
}

/** No card is larger, and no curve swings out further beyond its cards. */
const REACH = 2000;

/** Whether a link may come near a box, by the places of its cards alone: asked for every link while a card is dragged. */
function mayMeet({ nodes }: Graph, { source, target }: Link, { x, y, width, height }: Box): boolean {
  const [a, b] = [nodes[source]?.position, nodes[target]?.position];
  if (!a || !b) return false;
  return Math.min(a.x, b.x) - REACH < x + width && Math.max(a.x, b.x) + REACH > x && Math.min(a.y, b.y) < y + height && Math.max(a.y, b.y) + REACH > y;
}

/** The link that runs through the middle of a card without links, for which the card would fit; undefined where none does. */
export function linkUnder(graph: Graph, schema: Schema, id: string): Link | undefined {
  const node = graph.nodes[id];
  const { into, outOf } = linkIndex(graph);
  const box = node && boxOf(graph, schema, id);
  if (!box || Object.keys(into[id] ?? {}).length > 0 || (outOf[id] ?? []).length > 0) return undefined;
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const layout = (other: string): CardLayout | undefined => {
    const held = graph.nodes[other];
    return held && layoutIn(graph, schema, held);
  };
  const reach = Math.min(box.width, box.height) / 2;
  return Object.values(graph.links).find((link) => {
    if (!mayMeet(graph, link, box)) return false;
    const curve = curveOf(graph, link, layout);
    return curve !== undefined && meets(boundsOf(curve), box) && distanceTo(curve, middle) < reach && within(graph, schema, link, node) !== undefined;
  });
}
