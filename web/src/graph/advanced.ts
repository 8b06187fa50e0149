/** Rarely needed inputs: folded away on a card until the user asks for them, changes them or links them. */
import { linkIndex, type Graph, type GraphNode } from './model';
import type { InputSpec, NodeSpec } from './schema';

const NONE: readonly InputSpec[] = [];
const known = new WeakMap<NodeSpec, readonly InputSpec[]>();

/** Asked of every card at every edit, and the same for a type as long as it lives. */
function advancedOf(spec: NodeSpec | undefined): readonly InputSpec[] {
  if (!spec) return NONE;
  const found = known.get(spec) ?? spec.inputs.filter((input) => input.advanced);
  known.set(spec, found);
  return found;
}

/** Advanced inputs that a link feeds, as one comparable text; empty for almost every node. */
export function wiredAdvanced(graph: Graph, node: GraphNode, spec: NodeSpec | undefined): string {
  const advanced = advancedOf(spec);
  if (advanced.length === 0) return '';
  const into = linkIndex(graph).into[node.id] ?? {};
  return advanced.filter(({ name }) => name in into).map(({ name }) => name).join('\n');
}

/** Names of the inputs the card leaves out: advanced, at their defaults, not linked, on a card that is not unfolded. */
export function foldedInputs(node: GraphNode, spec: NodeSpec | undefined, wired: string): ReadonlySet<string> {
  if (node.open) return new Set();
  const linked = new Set(wired.split('\n'));
  const folded = advancedOf(spec).filter(({ name, widget }) => {
    const value = node.values[name];
    return !linked.has(name) && (value === undefined || value === widget?.default);
  });
  return new Set(folded.map(({ name }) => name));
}

/** Whether an input of a type is folded away by default. */
export function isAdvanced(spec: NodeSpec | undefined, input: string): boolean {
  return advancedOf(spec).some(({ name }) => name === input);
}
