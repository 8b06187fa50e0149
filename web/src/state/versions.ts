/** What a saved workflow was before, and what has changed since. */
import { fetchVersion, fetchVersions, fetchWorkflow, type WorkflowVersion } from '../api/workflows';
import { differences, type Difference } from '../graph/difference';
import { asText, type Json } from '../graph/json';
import type { GraphNode } from '../graph/model';
import { parseWorkflow } from '../graph/parseApi';
import { inputLabel } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { TEXT } from '../text';
import { getState } from './store';

export type { WorkflowVersion };
export { fetchVersions };

function cardName(node: GraphNode): string {
  return TEXT.card.label(node.title || (getState().schema[node.type]?.title ?? node.type), node.id);
}

/** A value short enough for a line. */
function shortValue(value: unknown): string {
  const text = typeof value === 'object' || value === undefined ? JSON.stringify(value) as string | undefined : asText(value);
  if (text === undefined || text === '') return TEXT.difference.nothing;
  return text.length > 60 ? `“${text.slice(0, 57)}…”` : typeof value === 'string' ? `“${text}”` : text;
}

function sentence(change: Difference): string {
  const words = TEXT.difference;
  if (change.kind === 'moved') return words.moved(change.count);
  const node = cardName(change.node);
  switch (change.kind) {
    case 'value':
      return words.value(node, inputLabel(specOf(getState().schema, change.node), change.input), shortValue(change.before), shortValue(change.after));
    case 'title':
      return words.title(change.before || change.node.type, change.after || change.node.type);
    default:
      return words[change.kind](node);
  }
}

/** What differs between a version and what is saved now, in sentences. */
export async function compareWithNow(name: string, savedMs: number): Promise<string[]> {
  const [before, now] = await Promise.all([fetchVersion(name, savedMs), fetchWorkflow(name)]);
  const graphOf = (document: Json) => parseWorkflow(document, getState().schema).graph;
  return differences(graphOf(before), graphOf(now.document)).map(sentence);
}
