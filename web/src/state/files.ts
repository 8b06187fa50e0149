/** Workflows as documents: opened, begun, written as text. */
import { fetchWorkflow } from '../api/workflows';
import { storedName, withName } from '../graph/clipboard';
import { stringifyJson, type Json } from '../graph/json';
import { separate } from '../graph/layout';
import { EMPTY_GRAPH, nodeCount, type Graph } from '../graph/model';
import { parseWorkflow } from '../graph/parseApi';
import type { Finding } from '../graph/report';
import { toEditorForm } from '../graph/document';
import { TEXT } from '../text';
import { requestFit } from './camera';
import { addDocument, freshDocument } from './documents';
import { errorSentence } from './run';
import { getState } from './store';
import { isNarrow, notify } from './ui';

/** The workflow the editor opens with. */
export const DEFAULT_WORKFLOW = 'sd35_tiny';

/** On a phone the whole graph is too small to read; the first prompt is what one comes for. */
function promptOf(graph: Graph): string[] | undefined {
  const prompt = Object.values(graph.nodes).find((node) => typeof node.values['text'] === 'string' && node.type !== 'Note');
  return prompt && [prompt.id];
}

/** Show a graph as a document; in the place of one that was never touched, unless it is to have a tab of its own. */
export function showGraph(graph: Graph, name: string, inOwnTab = false): void {
  addDocument(freshDocument(graph, name), !inOwnTab);
  if (isNarrow()) requestFit(promptOf(graph));
}

/** What could not be understood, as a sentence. */
export function findingSentence({ code, node, subject }: Finding): string {
  return `${node === null ? '' : `${TEXT.findings.node(node)}: `}${TEXT.findings[code](subject)}`;
}

/** Open a workflow document of any form. Returns what could not be understood, also before. Throws `WorkflowError`. */
export function openDocument(document: Json, name: string, before: readonly Finding[] = [], inOwnTab = false): readonly Finding[] {
  const { schema } = getState();
  const { graph, report: found } = parseWorkflow(document, schema);
  const report = [...before, ...found];
  const stored = storedName(graph);
  showGraph(separate(graph, schema), stored || name, inOwnTab);
  // Unknown nodes are among the problems anyway.
  const [first, ...others] = report.filter(({ code }) => code !== 'unknown_node').map(findingSentence);
  if (first !== undefined) notify(others.length > 0 ? `${first} ${TEXT.notes.others(others.length)}` : first, true);
  return report;
}

/** Open one of the server's examples. */
export async function openExample(name: string): Promise<void> {
  try {
    const title = getState().workflows.find((entry) => entry.name === name)?.title ?? name;
    openDocument((await fetchWorkflow(name)).document, title);
  } catch (error) {
    notify(errorSentence(error), true);
  }
}

/** Begin with an empty canvas. */
export function newWorkflow(): void {
  addDocument(freshDocument(EMPTY_GRAPH, TEXT.untitled), nodeCount(getState().graph) === 0);
}

/** Text of the present workflow in editor form, under its name or another. */
export function workflowText(name = getState().name): string {
  const { graph, schema } = getState();
  return stringifyJson(toEditorForm(withName(graph, name), schema), 2);
}
