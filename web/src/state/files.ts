/** Workflows as documents: opened, begun, written as text. */
import { fetchWorkflow } from '../api/workflows';
import { storedName, withName } from '../graph/clipboard';
import { stringifyJson, type Json } from '../graph/json';
import { separate } from '../graph/layout';
import { EMPTY_GRAPH, nodeCount, type Graph } from '../graph/model';
import { parseWorkflow } from '../graph/parseApi';
import type { Finding, Report } from '../graph/report';
import { toEditorForm } from '../graph/document';
import { TEXT } from '../text';
import { requestFit } from './camera';
import { addDocument, freshDocument } from './documents';
import { errorSentence } from './run';
import { getState, type DocumentState } from './store';
import { isNarrow, notify, showTab } from './ui';

/** The workflow the editor opens with. */
export const DEFAULT_WORKFLOW = 'sd35_tiny';

/** On a phone the whole graph is too small to read; the first prompt is what one comes for. */
function promptOf(graph: Graph): string[] | undefined {
  const prompt = Object.values(graph.nodes).find((node) => typeof node.values['text'] === 'string' && node.type !== 'Note');
  return prompt && [prompt.id];
}

export interface Opening {
  /** What was found out before the document was read. */
  findings?: readonly Finding[];
  /** The tool whose words the document was made of. */
  tool?: string | null;
  /** It takes no other's place, even of one that was never touched. */
  inOwnTab?: boolean;
}

/** What could not be understood, as a sentence. */
export function findingSentence({ code, node, subject }: Finding): string {
  return `${node === null ? '' : `${TEXT.findings.node(node)}: `}${TEXT.findings[code](subject)}`;
}

/** Say what could not be understood, and where all of it stands. Unknown nodes are among the problems anyway. */
export function tellReport({ tool, findings }: Report): void {
  const [first, ...others] = findings.filter(({ code }) => code !== 'unknown_node').map(findingSentence);
  const more = others.length > 0 ? ` ${TEXT.notes.others(others.length)}` : '';
  if (tool !== null) notify(`${TEXT.opening.importedFrom(tool)} ${findings.length > 0 ? TEXT.notes.others(findings.length) : ''}`);
  else if (first !== undefined) notify(first + more, true);
  if (findings.length > 0 && !isNarrow()) showTab('problems');
}

/** A graph as it was read: where this editor wrote it, cards stand as the user placed them, also on one another. */
export function asPlaced(graph: Graph): Graph {
  return storedName(graph) === '' ? separate(graph, getState().schema) : graph;
}

/** Open a workflow document of any form. Returns what could not be understood, also before. Throws `WorkflowError`. */
export function openDocument(document: Json, name: string, { findings = [], tool = null, inOwnTab = false }: Opening = {}): readonly Finding[] {
  const { schema } = getState();
  const { graph, report: found } = parseWorkflow(document, schema);
  const report: Report = { source: name, tool, findings: [...findings, ...found] };
  addDocument(freshDocument({ ...asPlaced(graph), report }, storedName(graph) || name), !inOwnTab);
  if (isNarrow()) requestFit(promptOf(graph));
  tellReport(report);
  return report.findings;
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

/** Text of a workflow in editor form under its name; of the one that is shown where none is given. */
export function workflowText({ graph, name }: Pick<DocumentState, 'graph' | 'name'> = getState()): string {
  return stringifyJson(toEditorForm(withName(graph, name), getState().schema), 2);
}
