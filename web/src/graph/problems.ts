/** Problems of a graph: what the server said and what the editor can see itself, tied to node and input. */
import { asList, asObject, asText, isObject, type Json, type JsonObject } from './json';
import type { Graph, GraphNode } from './model';
import { repairsFor, type Repairs } from './repairs';
import type { Schema } from './schema';
import { nearest } from './search';
import { specOf } from './virtual';

export interface Problem extends Repairs {
  /** Stable within one list. */
  key: string;
  code: string;
  /** The node it belongs to; null for problems of the whole graph. */
  node: string | null;
  input?: string;
  message: string;
  detail: string;
  /** It stops nothing: the node ran, and has something to say. */
  isWarning?: true;
}

export interface ProblemTexts {
  unknownNode: (type: string) => string;
  unknownNodeDetail: string;
  missingInput: (input: string) => string;
  notAvailable: (input: string, value: string) => string;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * `VAEDecode (node 8): input … is wrong; link …` as what is wrong and what to do, without the name that stands beside it
 * anyway; undefined where it is no such sentence.
 */
function ownSentence(details: string): { what: string; remedy: string } | undefined {
  const rest = /^[^:\n]+ \(node [^)]+\): (.+)$/s.exec(details)?.[1];
  if (rest === undefined) return undefined;
  const end = rest.indexOf('; ');
  return end < 0 ? { what: capital(rest), remedy: '' } : { what: `${capital(rest.slice(0, end))}.`, remedy: capital(rest.slice(end + 2)) };
}

function shortWords(code: string, input: string, extra: JsonObject, texts: ProblemTexts): string | undefined {
  if (code === 'required_input_missing' && input) return texts.missingInput(input);
  if (code === 'value_not_in_list' && input) return texts.notAvailable(input, asText(extra['received_value']));
  return undefined;
}

function nodeProblem(graph: Graph, schema: Schema, texts: ProblemTexts, node: string, error: Json, at: number): Problem {
  const entry = asObject(error);
  const extra = asObject(entry['extra_info']);
  const input = asText(extra['input_name']);
  const type = asText(entry['type'], 'error');
  const details = asText(entry['details']);
  const sentence = ownSentence(details);
  const repairs = input ? repairsFor(graph, schema, node, input, { type, details, extra }) : {};
  return {
    key: `${node}/${at}/${type}/${input}`, code: asText(extra['code'], type), node,
    message: sentence?.what ?? shortWords(type, input, extra, texts) ?? asText(entry['message']),
    detail: sentence?.remedy ?? (details === input ? '' : details),
    ...(input ? { input } : {}), ...repairs,
  };
}

/** Problems in a reply of `POST /prompt`: of single nodes, else of the graph as a whole. */
export function problemsOfReply(reply: Json, graph: Graph, schema: Schema, texts: ProblemTexts): Problem[] {
  const document = asObject(reply);
  const ofNodes = Object.entries(asObject(document['node_errors'])).flatMap(([node, entry]) =>
    asList(asObject(entry)['errors']).map((error, at) => nodeProblem(graph, schema, texts, node, error, at)),
  );
  const error = document['error'];
  if (ofNodes.length > 0 || error === undefined) return ofNodes;
  const whole = isObject(error) ? error : { message: asText(error) };
  const detail = asText(whole['details']);
  const named = /(?:#|\(node )([\w:]+)/.exec(detail)?.[1];
  const node = named !== undefined && named in graph.nodes ? named : null;
  return [{ key: `graph/${asText(whole['type'])}`, code: asText(whole['type'], 'error'), node, message: asText(whole['message']), detail }];
}

/** The problem an `execution_error` event reports. */
export function problemOfRun(event: Json): Problem {
  const entry = asObject(event);
  const message = asText(entry['exception_message']).trim();
  const traceback = asList(entry['traceback']).map((line) => asText(line)).join('');
  const node = asText(entry['node_id']);
  return {
    key: `run/${asText(entry['prompt_id'])}/${node}`, code: asText(entry['exception_type'], 'error'),
    node: node || null, message: message || asText(entry['exception_type']), detail: traceback,
  };
}

/** What an `execution_warning` event tells. */
export function problemOfWarning(node: string, message: string): Problem {
  return { key: `warning/${node}/${message}`, code: 'warning', node, message, detail: '', isWarning: true };
}

/** As many problems of one subgraph as are worth listing; subgraphs within subgraphs multiply. */
const MOST = 100;

function unknownNode({ id, type }: GraphNode, schema: Schema, texts: ProblemTexts): Problem {
  const close = nearest(type, Object.keys(schema).filter((known) => schema[known]?.isVirtual === false));
  const detail = close ? `${texts.unknownNodeDetail} (${close}?)` : texts.unknownNodeDetail;
  return { key: `local/${id}`, code: 'unknown_node', node: id, message: texts.unknownNode(type), detail };
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
