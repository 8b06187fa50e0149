/** A document as one graph without subgraphs, for running it. */
import { INPUTS, OUTPUTS, type Graph, type GraphNode, type Link } from './model';
import { WorkflowError } from './parse';

/** More than any honest workflow has; subgraphs within subgraphs multiply. */
const MOST_NODES = 100_000;

interface Flat {
  nodes: Record<string, GraphNode>;
  links: Record<string, Link>;
  count: number;
}

function addLevel(graph: Graph, prefix: string, all: Graph['subgraphs'], flat: Flat): void {
  for (const link of Object.values(graph.links)) {
    const id = prefix + link.id;
    flat.links[id] = { ...link, id, source: prefix + link.source, target: prefix + link.target };
  }
  for (const node of Object.values(graph.nodes)) {
    const id = prefix + node.id;
    flat.nodes[id] = { ...node, id };
    if (++flat.count > MOST_NODES) throw new WorkflowError('too_many_nodes', String(MOST_NODES));
    const inner = node.mode === 'always' ? all[node.type] : undefined;
    if (inner) addLevel(inner.graph, `${id}:`, all, flat);
  }
}

/**
 * All nodes of a root graph and its subgraphs, those inside under ids `outer:inner`.
 *
 * Nodes that stand for a subgraph, and its inputs and outputs, stay as stations that links are followed through.
 */
export function flatten(root: Graph): Graph {
  if (!Object.values(root.nodes).some((node) => node.type in root.subgraphs)) return root;
  const flat: Flat = { nodes: {}, links: {}, count: 0 };
  addLevel(root, '', root.subgraphs, flat);
  return { ...root, nodes: flat.nodes, links: flat.links };
}

/** Id of the inputs of the subgraph that a node of a flattened graph stands for. */
export function innerInputs(node: string): string {
  return `${node}:${INPUTS}`;
}

/** Id of the outputs of the subgraph that a node of a flattened graph stands for. */
export function innerOutputs(node: string): string {
  return `${node}:${OUTPUTS}`;
}

/** Id of the node that the inputs of a flattened subgraph belong to. */
export function ownerOf(inputs: string): string {
  return inputs.slice(0, -`:${INPUTS}`.length);
}
