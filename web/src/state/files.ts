/** Opening and saving workflows. */
import { fetchWorkflow } from '../api/workflows';
import { storedName, withName } from '../graph/clipboard';
import { exifTexts } from '../graph/exif';
import { parseJson, stringifyJson, type Json } from '../graph/json';
import { separate } from '../graph/layout';
import { EMPTY_GRAPH, nodeCount, type Graph, type Point } from '../graph/model';
import { WorkflowError } from '../graph/parse';
import { parseWorkflow } from '../graph/parseApi';
import { isPng, pngTexts } from '../graph/png';
import type { Finding } from '../graph/report';
import { toEditorForm } from '../graph/document';
import { TEXT } from '../text';
import { requestFit } from './camera';
import { addDocument, freshDocument } from './documents';
import { errorSentence } from './run';
import { getState } from './store';
import { isNarrow, notify } from './ui';
import { placePicture } from './upload';

/** The workflow the editor opens with. */
export const DEFAULT_WORKFLOW = 'sd35_tiny';

/** On a phone the whole graph is too small to read; the first prompt is what one comes for. */
function promptOf(graph: Graph): string[] | undefined {
  const prompt = Object.values(graph.nodes).find((node) => typeof node.values['text'] === 'string' && node.type !== 'Note');
  return prompt && [prompt.id];
}

/** Show a graph as a document of its own. */
export function showGraph(graph: Graph, name: string): void {
  addDocument(freshDocument(graph, name));
  if (isNarrow()) requestFit(promptOf(graph));
}

/** What could not be understood, as a sentence. */
export function findingSentence({ code, node, subject }: Finding): string {
  return `${node === null ? '' : `${TEXT.findings.node(node)}: `}${TEXT.findings[code](subject)}`;
}

/** Open a workflow document of any form. Returns what could not be understood. Throws {@link WorkflowError}. */
export function openDocument(document: Json, name: string): readonly Finding[] {
  const { schema } = getState();
  const { graph, report } = parseWorkflow(document, schema);
  const stored = storedName(graph);
  showGraph(separate(graph, schema), stored || name);
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
    if (error instanceof WorkflowError) notify(error.message, true);
    else notify(errorSentence(error), true);
  }
}

/** Begin with an empty canvas. */
export function newWorkflow(): void {
  addDocument(freshDocument(EMPTY_GRAPH, TEXT.untitled), nodeCount(getState().graph) === 0);
}

function isPicture(file: File): boolean {
  return file.type.startsWith('image/');
}

/** The workflow a file holds as text; undefined for a picture without one. */
async function textIn(file: File): Promise<string | undefined> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!isPng(bytes) && !isPicture(file)) return new TextDecoder().decode(bytes);
  const { workflow, prompt } = isPng(bytes) ? pngTexts(bytes) : exifTexts(bytes);
  return workflow ?? prompt;
}

function readText(text: string): Json {
  if (text.trim() === '') throw new WorkflowError(TEXT.errors.emptyFile);
  return parseJson(text);
}

/** Open a dropped or chosen file: a workflow as JSON, or a picture that carries one. */
export async function openFile(file: File, at?: Point): Promise<void> {
  try {
    const text = await textIn(file);
    if (text !== undefined) {
      const report = openDocument(readText(text), file.name.replace(/\.[^.]+$/, ''));
      if (report.length === 0) notify(TEXT.notes.loaded(getState().name));
    } else if (at) await placePicture(file, at);
    else throw new WorkflowError(TEXT.errors.noText);
  } catch (error) {
    const why = error instanceof SyntaxError ? TEXT.errors.notParsed(error.message) : error instanceof WorkflowError ? error.message : errorSentence(error);
    notify(TEXT.errors.notWorkflow(file.name, why), true);
  }
}

/** Text of the present workflow in editor form, under its name or another. */
export function workflowText(name = getState().name): string {
  const { graph, schema } = getState();
  return stringifyJson(toEditorForm(withName(graph, name), schema), 2);
}
