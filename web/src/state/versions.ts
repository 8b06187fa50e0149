/** What a saved workflow was before, and what has changed since. */
import { fetchVersion, fetchVersions, fetchWorkflow, type WorkflowVersion } from '../api/workflows';
import { differences, type Change, type NodeDifference } from '../graph/difference';
import { asText, sameJson, type Json } from '../graph/json';
import type { Graph, GraphNode } from '../graph/model';
import { parseWorkflow } from '../graph/parseApi';
import { inputLabel } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { TEXT } from '../text';
import { errorSentence } from './run';
import { getState } from './store';

export type { WorkflowVersion };
export { fetchVersions };

/** A node that is not as it was, in words; without a title: what is no matter of one node. */
export interface ShownDifference {
  kind: NodeDifference['kind'];
  title: string;
  lines: readonly string[];
}

function cardName(node: GraphNode): string {
  return TEXT.card.label(node.title || (getState().schema[node.type]?.title ?? node.type), node.id);
}

/** A value short enough for a line. */
function shortValue(value: unknown): string {
  const text = typeof value === 'object' || value === undefined ? JSON.stringify(value) as string | undefined : asText(value);
  if (text === undefined || text === '') return TEXT.difference.nothing;
  return text.length > 60 ? `“${text.slice(0, 57)}…”` : typeof value === 'string' ? `“${text}”` : text;
}

function sentence(change: Change, node: GraphNode): string {
  const { value, title, mode, modes, links } = TEXT.difference;
  switch (change.kind) {
    case 'value':
      return value(inputLabel(specOf(getState().schema, node), change.input), shortValue(change.before), shortValue(change.after));
    case 'title':
      return title(change.before || node.type, change.after || node.type);
    case 'mode':
      return mode(modes[change.before], modes[change.after]);
    case 'links':
      return links;
  }
}

function shown({ kind, node, within, changes }: NodeDifference): ShownDifference {
  const title = within === '' ? cardName(node) : `${within} › ${cardName(node)}`;
  return { kind, title, lines: changes.map((change) => sentence(change, node)) };
}

/** The graph of a document that was asked for, or why it cannot be read, in the words given for that. */
async function graphOf(asked: Promise<Json>, unreadable: (why: string) => string): Promise<{ document: Json; graph: Graph } | string> {
  try {
    const document = await asked;
    return { document, graph: parseWorkflow(document, getState().schema).graph };
  } catch (error) {
    return unreadable(error instanceof SyntaxError ? TEXT.errors.notParsed(error.message) : errorSentence(error));
  }
}

/** What differs between a version and what is saved now; a sentence where one of them cannot be read. */
export async function compareWithNow(name: string, savedMs: number): Promise<readonly ShownDifference[] | string> {
  const { difference, library } = TEXT;
  const [before, now] = await Promise.all([
    graphOf(fetchVersion(name, savedMs), library.unreadableVersion),
    graphOf(fetchWorkflow(name).then(({ document }) => document), library.unreadableNow),
  ]);
  if (typeof before === 'string') return before;
  if (typeof now === 'string') return now;
  const { nodes, moved } = differences(before.graph, now.graph);
  const whole = moved > 0 ? difference.moved(moved) : nodes.length === 0 && !sameJson(before.document, now.document) ? difference.beside : '';
  return [...nodes.map(shown), ...(whole === '' ? [] : [{ kind: 'changed' as const, title: '', lines: [whole] }])];
}
