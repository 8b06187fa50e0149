/** What happens to seeds after a run. */
import { updateNode } from './edit';
import { openPath, pathOf, rootOf } from './levels';
import { linkInto, type Graph, type SeedControl, type Subgraph } from './model';
import { subgraphsUsed } from './document';
import type { NumberValue, NumberWidget, Schema, WidgetValue } from './schema';
import { widgetInputs } from './schema';
import { specOf } from './virtual';

/** A number where it holds the integer exactly, otherwise a bigint. */
export function tidyInteger(value: bigint): NumberValue {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

/** The whole part of a number, exactly. */
export function wholePart(value: NumberValue): bigint {
  return typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
}

/** A random seed within the widget's limits, small enough to be shown and typed exactly. */
export function randomSeed(widget: NumberWidget, random: () => number): NumberValue {
  const low = Math.max(0, Number(widget.min));
  const high = Math.min(Number(widget.max), Number.MAX_SAFE_INTEGER);
  return Math.floor(low + random() * (high - low + 1));
}

/** The seed after a run. Incrementing past a limit wraps to the other. */
export function nextSeed(value: WidgetValue, control: SeedControl, widget: NumberWidget, random: () => number): WidgetValue {
  if (control === 'fixed' || (typeof value !== 'number' && typeof value !== 'bigint')) return value;
  if (control === 'randomize') return randomSeed(widget, random);
  const [min, max] = [wholePart(widget.min), wholePart(widget.max)];
  const moved = wholePart(value) + (control === 'increment' ? 1n : -1n);
  return tidyInteger(moved > max ? min : moved < min ? max : moved);
}

/** The graph with every unlinked seed moved on as its control says, also those in subgraphs and around an open one. */
export function advanceSeeds(graph: Graph, schema: Schema, random: () => number): Graph {
  const root = rootOf(graph);
  const ids = [...subgraphsUsed(root.nodes, root.subgraphs)];
  const moved = ids.map((id): [string, Subgraph | undefined] => {
    const held = root.subgraphs[id];
    return [id, held && { ...held, graph: advanceLevel(held.graph, schema, random) }];
  });
  const changed = moved.filter(([id, held]) => held?.graph !== root.subgraphs[id]?.graph);
  const subgraphs = changed.length > 0 ? { ...root.subgraphs, ...(Object.fromEntries(changed) as Graph['subgraphs']) } : root.subgraphs;
  const next = advanceLevel(root, schema, random);
  if (next === root && subgraphs === root.subgraphs) return graph;
  return openPath(subgraphs === root.subgraphs ? next : { ...next, subgraphs }, pathOf(graph).map(({ node }) => node));
}

function advanceLevel(graph: Graph, schema: Schema, random: () => number): Graph {
  let next = graph;
  for (const node of Object.values(graph.nodes)) {
    const spec = specOf(schema, node);
    if (!spec) continue;
    for (const { name, widget } of widgetInputs(spec)) {
      const control = node.controls[name];
      if (widget.kind !== 'seed' || !control || control === 'fixed' || linkInto(graph, node.id, name)) continue;
      const value = nextSeed(node.values[name] ?? widget.default, control, widget, random);
      const current = next.nodes[node.id] ?? node;
      next = updateNode(next, node.id, { values: { ...current.values, [name]: value } });
    }
  }
  return next;
}
