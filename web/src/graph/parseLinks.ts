/** Reads the links of an editor-form document, as lists (0.4) or objects (1). */
import { asList, asObject, asText, isObject, isOrdinary, stringifyJson, type Json } from './json';
import { largestOf, type Entry, type Graph, type GraphNode, type Link } from './model';
import type { Finding, FindingCode } from './report';
import type { Schema } from './schema';
import { VIRTUAL_SPECS } from './virtual';

/** The fields of a link, whichever form it has. */
export interface RawLink {
  id: string;
  source: string;
  sourceSlot: number;
  target: string;
  targetSlot: number;
  type: string;
}

/** A link's fields, or undefined where the entry is none. */
export function rawLink(value: Json): RawLink | undefined {
  const fields = isObject(value)
    ? [value['id'], value['origin_id'], value['origin_slot'], value['target_id'], value['target_slot'], value['type']]
    : asList(value);
  const [id, source, sourceSlot, target, targetSlot, type] = fields;
  if (fields.length < 5 || asText(id) === '') return undefined;
  return {
    id: asText(id), source: asText(source), sourceSlot: Number(sourceSlot), target: asText(target),
    targetSlot: Number(targetSlot), type: asText(type, '*'),
  };
}

function inputName(node: GraphNode, slot: number, schema: Schema): string | undefined {
  const recorded = node.inputs[slot]?.name;
  if (recorded !== undefined) return recorded;
  const spec = schema[node.type] ?? VIRTUAL_SPECS[node.type];
  return spec?.inputs.filter((input) => input.widget === null)[slot]?.name;
}

/** The link an input of the file names: its id, null for none, undefined where the file does not say. */
function namedLink(node: GraphNode, slot: number): string | null | undefined {
  const link = asObject(asList(node.raw['inputs'])[slot])['link'];
  return link === null || link === undefined ? link : asText(link);
}

interface ReadLinks {
  links: Record<string, Link>;
  entries: Entry[];
  lastNode: number;
  lastLink: number;
}

/** Why a link of the file cannot be one of the graph; undefined where it can. */
function fault(raw: RawLink, nodes: Graph['nodes'], input: string | undefined, taken: ReadonlySet<string>, ids: object): FindingCode | undefined {
  const target = nodes[raw.target];
  if (![raw.id, raw.source, raw.target].every(isOrdinary) || !nodes[raw.source] || !target || input === undefined || !Number.isInteger(raw.sourceSlot) || raw.sourceSlot < 0) return 'loose_link';
  const named = namedLink(target, raw.targetSlot);
  if (named === null) return 'loose_link';
  return taken.has(`${raw.target}\n${input}`) || raw.id in ids || (named !== undefined && named !== raw.id) ? 'second_link' : undefined;
}

function largest(ids: readonly string[]): number {
  return largestOf(ids.map(Number).filter(Number.isSafeInteger));
}

function reportMissing(nodes: Graph['nodes'], known: ReadonlySet<string>, report: Finding[]): void {
  for (const node of Object.values(nodes)) {
    node.inputs.forEach((_input, slot) => {
      const named = namedLink(node, slot);
      if (typeof named === 'string' && !known.has(named)) report.push({ code: 'missing_link', node: node.id, subject: named });
    });
  }
}

/** The links that join existing sockets; the others stay entries of the file and are reported. */
export function readLinks(list: Json[], nodes: Graph['nodes'], schema: Schema, report: Finding[]): ReadLinks {
  const links: Record<string, Link> = {};
  const taken = new Set<string>();
  const read = list.map((entry) => rawLink(entry));
  const entries = list.map((entry, at): Entry => {
    const raw = read[at];
    if (!raw) {
      if (entry !== null) report.push({ code: 'broken_link', node: null, subject: stringifyJson(entry).slice(0, 80) });
      return { raw: entry };
    }
    const target = isOrdinary(raw.target) ? nodes[raw.target] : undefined;
    const input = target && inputName(target, raw.targetSlot, schema);
    const code = fault(raw, nodes, input, taken, links);
    if (code !== undefined || input === undefined) {
      report.push({ code: code ?? 'loose_link', node: target ? raw.target : null, subject: raw.id });
      return { raw: entry };
    }
    taken.add(`${raw.target}\n${input}`);
    const { id, source, sourceSlot, type } = raw;
    links[id] = { id, source, sourceSlot, target: raw.target, input, type, raw: entry };
    return { id };
  });
  const all = read.filter((raw) => raw !== undefined);
  reportMissing(nodes, new Set(all.map((raw) => raw.id)), report);
  return {
    links, entries, lastNode: largest(all.flatMap((raw) => [raw.source, raw.target])), lastLink: largest(all.map((raw) => raw.id)),
  };
}
