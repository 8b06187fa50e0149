/** Opening and saving workflows. */
import { fetchWorkflow, fetchWorkflows, uploadImage } from '../api/client';
import { storedName, withName } from '../graph/clipboard';
import { addNode, setValue } from '../graph/edit';
import { NO_HISTORY, remember } from '../graph/history';
import { parseJson, stringifyJson, type Json } from '../graph/json';
import { separate } from '../graph/layout';
import { EMPTY_GRAPH, type Graph, type Point } from '../graph/model';
import { WorkflowError } from '../graph/parse';
import { parseWorkflow } from '../graph/parseApi';
import { isPng, pngTexts } from '../graph/png';
import { toEditorForm } from '../graph/save';
import { TEXT } from '../text';
import { requestFit } from './camera';
import { commit } from './edits';
import { errorSentence } from './run';
import { getState, isDirty, setState } from './store';
import { isNarrow, notify } from './ui';

/** The workflow the editor opens with. */
export const DEFAULT_WORKFLOW = 'sd35_large';
const DRAFT_KEY = 'sd35graph.draft';

/** On a phone the whole graph is too small to read; the first prompt is what one comes for. */
function promptOf(graph: Graph): string[] | undefined {
  const prompt = Object.values(graph.nodes).find((node) => typeof node.values['text'] === 'string' && node.type !== 'Note');
  return prompt && [prompt.id];
}

/** Show a graph in place of the present one. */
export function showGraph(graph: Graph, name: string): void {
  const before = getState();
  const isFirst = Object.keys(before.graph.nodes).length === 0;
  setState({
    graph, saved: graph, name: name || TEXT.untitled, gesture: null,
    // Opening is a step like any other: undo brings back what was open before.
    history: isFirst ? NO_HISTORY : remember(before.history, before.graph), selection: new Set(), linkSelection: new Set(), runs: {}, live: new Set(), reported: [],
  });
  requestFit(isNarrow() ? promptOf(graph) : undefined);
}

/** Open a workflow document of any form. Throws {@link WorkflowError}. */
export function openDocument(document: Json, name: string): void {
  const { schema } = getState();
  const { graph, warnings } = parseWorkflow(document, schema);
  const stored = storedName(graph);
  showGraph(separate(graph, schema), stored || name);
  if (warnings[0] !== undefined) notify(warnings[0], true);
}

/** Open one of the server's examples. */
export async function openExample(name: string): Promise<void> {
  try {
    const title = getState().workflows.find((entry) => entry.name === name)?.title ?? name;
    openDocument(await fetchWorkflow(name), title);
  } catch (error) {
    if (error instanceof WorkflowError) notify(error.message, true);
    else notify(errorSentence(error), true);
  }
}

/** Begin with an empty canvas. */
export function newWorkflow(): void {
  showGraph(EMPTY_GRAPH, TEXT.untitled);
}

async function documentIn(file: File): Promise<Json> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!isPng(bytes)) return parseJson(new TextDecoder().decode(bytes));
  const { workflow, prompt } = pngTexts(bytes);
  const text = workflow ?? prompt;
  if (text === undefined) throw new WorkflowError(TEXT.errors.noText);
  return parseJson(text);
}

function isPicture(file: File): boolean {
  return file.type.startsWith('image/');
}

/** A picture without a workflow becomes a card that loads it. */
async function placePicture(file: File, at: Point): Promise<void> {
  const spec = getState().schema['LoadImage'];
  if (!spec) throw new WorkflowError(TEXT.errors.noText);
  const uploaded = await uploadImage(file);
  const { graph, id } = addNode(getState().graph, spec, at);
  commit(setValue(graph, id, 'image', uploaded.filename));
  setState({ selection: new Set([id]) });
}

/** Open a dropped or chosen file: a workflow as JSON, or a picture that carries one. */
export async function openFile(file: File, at?: Point): Promise<void> {
  try {
    try {
      openDocument(await documentIn(file), file.name.replace(/\.[^.]+$/, ''));
      notify(TEXT.notes.loaded(getState().name));
    } catch (error) {
      if (!at || !isPicture(file)) throw error;
      await placePicture(file, at);
    }
  } catch (error) {
    const why = error instanceof SyntaxError ? TEXT.errors.notParsed : error instanceof WorkflowError ? error.message : errorSentence(error);
    notify(TEXT.errors.notWorkflow(file.name, why), true);
  }
}

/** Text of the present workflow in editor form. */
export function workflowText(): string {
  const { graph, schema, name } = getState();
  return stringifyJson(toEditorForm(withName(graph, name), schema), 2);
}

/** Download the workflow in editor form. */
export function saveWorkflow(): void {
  const { name, graph } = getState();
  const url = URL.createObjectURL(new Blob([workflowText()], { type: 'application/json' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = `${name.replace(/[^\p{L}\p{N} ._-]+/gu, '_')}.json`;
  anchor.click();
  URL.revokeObjectURL(url);
  setState({ saved: graph });
  notify(TEXT.notes.saved(name));
}

/** Keep unsaved changes in the browser, so that a closed page loses nothing. */
export function storeDraft(): void {
  if (isDirty(getState())) localStorage.setItem(DRAFT_KEY, workflowText());
  else localStorage.removeItem(DRAFT_KEY);
}

function restoreDraft(): boolean {
  const text = localStorage.getItem(DRAFT_KEY);
  if (text === null) return false;
  try {
    openDocument(parseJson(text), TEXT.untitled);
  } catch (error) {
    localStorage.removeItem(DRAFT_KEY);
    if (error instanceof SyntaxError || error instanceof WorkflowError) return false;
    throw error;
  }
  setState({ saved: EMPTY_GRAPH });
  notify(TEXT.notes.restored);
  return true;
}

/** Fill the canvas at the start: unsaved changes if there are any, else the example. */
export async function openFirst(): Promise<void> {
  try {
    setState({ workflows: await fetchWorkflows() });
  } catch (error) {
    notify(errorSentence(error), true);
  }
  if (!restoreDraft()) await openExample(DEFAULT_WORKFLOW);
}
