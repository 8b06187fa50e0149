/** What the server finds wrong with a graph, in the user's words and with the names that the cards show. */
import { asList, asObject, asText, isObject, type Json, type JsonObject } from './json';
import { levelOf } from './levels';
import type { Graph } from './model';
import { formatNumber } from './numbers';
import type { Problem } from './problems';
import { kindOf, type ProblemFacts, type ProblemWords, type RefusalKind, type Said } from './problemWords';
import { repairsFor } from './repairs';
import type { InputSpec, Schema } from './schema';
import { specOf } from './virtual';

/** Where an error is, and what is known of its place. */
interface Place {
  /** The node as runs name it. */
  node: string;
  graph: Graph;
  schema: Schema;
  input: InputSpec | undefined;
}

function placeOf(root: Graph, schema: Schema, node: string, name: string): Place {
  const { graph, id } = levelOf(root, node);
  const held = graph.nodes[id];
  return { node, graph: root, schema, input: held && specOf(schema, held)?.inputs.find((input) => input.name === name) };
}

function cardLabel({ graph: root, schema }: Place, node: string, words: ProblemWords): string {
  const { graph, id } = levelOf(root, node);
  const held = graph.nodes[id];
  return words.node(held ? held.title || (specOf(schema, held)?.title ?? held.type) : '', node);
}

/** A number as its field shows it, anything else as it is. */
function shown(value: Json | undefined, input: InputSpec | undefined, { decimalSign }: ProblemWords): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber && input?.widget?.kind === 'float' ? formatNumber(value, input.widget, decimalSign) : asText(value);
}

function factsOf(place: Place, name: string, extra: JsonObject, words: ProblemWords): ProblemFacts {
  const facts = asObject(extra['facts']);
  const { input, schema } = place;
  const linked = asText(asList(extra['linked_node'])[0]);
  const needed = input?.widget ? (words.values[input.type] ?? input.type) : asText(extra['expected'], input?.type ?? '');
  return {
    input: input?.label ?? name, value: shown(extra['received_value'] ?? extra['received_type'], input, words), needed,
    near: asList(extra['suggestions']).map((each) => asText(each)).map((each) => schema[each]?.title ?? each),
    min: shown(facts['min'], input, words), max: shown(facts['max'], input, words), linked: linked && cardLabel(place, linked, words),
    way: asList(facts['path']).map((node) => cardLabel(place, asText(node), words)).join(' → '), folder: asText(facts['folder'], asText(facts['source'])),
    command: asText(facts['command']), repository: asText(facts['repository']), path: asText(facts['path']), isGated: facts['gated'] === true,
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `VAEDecode (node 8): input "vae" is wrong; link …` as what is wrong and what to do; undefined where it is no such sentence. */
function ownSentence(details: string, { input }: Place, words: ProblemWords): Said | undefined {
  const rest = /^[^:\n]+ \(node [^)]+\): (.+)$/s.exec(details)?.[1];
  if (rest === undefined) return undefined;
  const named = input ? rest.replace(`input "${input.name}"`, words.input(input.label)) : rest;
  const end = named.indexOf('; ');
  return end < 0 ? { what: capital(named), todo: '' } : { what: `${capital(named.slice(0, end))}.`, todo: capital(named.slice(end + 2)) };
}

function nodeProblem(root: Graph, schema: Schema, words: ProblemWords, node: string, error: Json, at: number): Problem {
  const entry = asObject(error);
  const extra = asObject(entry['extra_info']);
  const name = asText(extra['input_name']);
  const type = asText(entry['type'], 'error');
  const code = asText(extra['code'], type);
  const details = asText(entry['details']);
  const place = placeOf(root, schema, node, name);
  const kind = kindOf(code, type, 'linked_node' in extra || !place.input?.widget);
  const said = kind ? words.kinds[kind](factsOf(place, name, extra, words)) : ownSentence(details, place, words);
  return {
    key: `${node}/${at}/${type}/${name}`, code, node, message: said?.what ?? asText(entry['message']), todo: said?.todo ?? '',
    detail: details === name ? '' : details, ...(name ? { input: name, ...repairsFor(root, schema, node, name, { type, extra }) } : {}),
  };
}

function problemsOfNode(root: Graph, schema: Schema, words: ProblemWords, node: string, entry: JsonObject): Problem[] {
  const { graph, id } = levelOf(root, node);
  const held = graph.nodes[id];
  if (held && !specOf(schema, held)) return []; // a node nobody knows is seen without being told, as long as it is there
  return asList(entry['errors']).map((error, at) => nodeProblem(root, schema, words, node, error, at));
}

/** Our own code of a refusal; other servers say it in the type. */
const REFUSALS: Readonly<Record<string, RefusalKind>> = {
  prompt_no_outputs: 'no_output', worker_not_ready: 'worker_not_ready', server_stopping: 'server_stopping', queue_full: 'queue_full',
  validation_timeout: 'validation_timeout', graph_too_large: 'graph_too_large',
};

function refusal(error: Json, graph: Graph, words: ProblemWords): Problem {
  const whole = isObject(error) ? error : { message: asText(error) };
  const type = asText(whole['type'], 'error');
  const detail = asText(whole['details']);
  const named = /(?:#|\(node )([\w:]+)/.exec(detail)?.[1];
  const kind = REFUSALS[type];
  const said = kind && words.refusals[kind];
  return {
    key: `graph/${type}`, code: type, node: named !== undefined && named in graph.nodes ? named : null,
    message: said?.what ?? asText(whole['message']), todo: said?.todo ?? '', detail: detail || (said ? asText(whole['message']) : ''),
  };
}

/** Whether a reply of `POST /prompt` complains of anything. */
export function complains(reply: Json): boolean {
  const document = asObject(reply);
  return document['error'] !== undefined || Object.keys(asObject(document['node_errors'])).length > 0;
}

/** Problems in a reply of `POST /prompt`: of single nodes, else of the graph as a whole. Nodes of unknown types are left to `problemsOfGraph`. */
export function problemsOfReply(reply: Json, graph: Graph, schema: Schema, words: ProblemWords): Problem[] {
  const document = asObject(reply);
  const ofNodes = Object.entries(asObject(document['node_errors']));
  const error = document['error'];
  if (ofNodes.length === 0 && error !== undefined) return [refusal(error, graph, words)];
  return ofNodes.flatMap(([node, entry]) => problemsOfNode(graph, schema, words, node, asObject(entry)));
}
