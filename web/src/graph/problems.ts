/** Problems of a graph, tied to node and input: what the editor can see itself, and what runs tell. See `reply.ts` for what the server refuses. */
import { asList, asObject, asText, type Json } from './json';
import type { Graph, GraphNode } from './model';
import { replacementFor, type Repairs } from './repairs';
import type { Schema } from './schema';
import { specOf } from './virtual';

export interface Problem extends Repairs {
  /** Stable within one list. */
  key: string;
  code: string;
  /** The node it belongs to; null for problems of the whole graph. */
  node: string | null;
  input?: string;
  message: string;
  /** What to do about it. */
  todo: string;
  /** The server's own words, or a traceback. */
  detail: string;
  /** It stops nothing: the node ran, and has something to say. */
  isWarning?: true;
}

export interface ProblemTexts {
  unknownNode: (type: string) => string;
  unknownNodeDetail: string;
}

/** The problem an `execution_error` event reports. */
export function problemOfRun(event: Json): Problem {
  const entry = asObject(event);
  const message = asText(entry['exception_message']).trim();
  const traceback = asList(entry['traceback']).map((line) => asText(line)).join('');
  const node = asText(entry['node_id']);
  return {
    key: `run/${asText(entry['prompt_id'])}/${node}`, code: asText(entry['exception_type'], 'error'),
    node: node || null, message: message || asText(entry['exception_type']), todo: '', detail: traceback,
  };
}

/** What an `execution_warning` event tells. */
export function problemOfWarning(node: string, message: string): Problem {
  return { key: `warning/${node}/${message}`, code: 'warning', node, message, todo: '', detail: '', isWarning: true };
}

/** As many problems of one subgraph as are worth listing; subgraphs within subgraphs multiply. */
const MOST = 100;

function unknownNode({ id, type }: GraphNode, schema: Schema, texts: ProblemTexts): Problem {
  const replacement = replacementFor(type, schema);
  return {
    key: `local/${id}`, code: 'unknown_node', node: id, message: texts.unknownNode(type), todo: texts.unknownNodeDetail, detail: '',
    ...(replacement === undefined ? {} : { replacement }),
  };
}

/** The problem as it is named in the graph around the node it is behind. */
function outside(problem: Problem, node: string): Problem {
  return { ...problem, key: `${problem.key}@${node}`, node: `${node}:${problem.node ?? ''}` };
}

/**
 * What is wrong before anything is asked of the server: node types it does not have, also within subgraphs, named as
 * runs name nodes. Takes the graph of the whole document.
 */
export function problemsOfGraph(root: Graph, schema: Schema, texts: ProblemTexts): Problem[] {
  const behind = new Map<string, readonly Problem[]>();
  const within = (graph: Graph): Problem[] => Object.values(graph.nodes).flatMap((node) => {
    if (node.mode !== 'always') return [];
    const subgraph = root.subgraphs[node.type];
    if (!subgraph) return specOf(schema, node) ? [] : [unknownNode(node, schema, texts)];
    // Every subgraph is looked at once, however often it is used.
    const found = behind.get(node.type) ?? within(subgraph.graph).slice(0, MOST);
    behind.set(node.type, found);
    return found.map((problem) => outside(problem, node.id));
  });
  return within(root);
}

/** Problems by the node they belong to. */
export function byNode(problems: readonly Problem[]): Record<string, Problem[]> {
  const found: Record<string, Problem[]> = {};
  for (const problem of problems) if (problem.node !== null) (found[problem.node] ??= []).push(problem);
  return found;
}
