/** Subgraphs that were published: saved among one's workflows in a folder of their own, and placed from the palette. */
import type { WorkflowEntry } from '../api/wire';
import { fetchWorkflow, putWorkflow } from '../api/workflows';
import { copyNodes } from '../graph/clipboard';
import { parseEditorForm } from '../graph/document';
import type { Point } from '../graph/model';
import { TEXT } from '../text';
import { paste } from './edits';
import { errorSentence } from './run';
import { refreshWorkflows } from './saving';
import { getState, titleOf } from './store';
import { notify } from './ui';

const FOLDER = 'subgraphs/';

/** Whether a saved workflow is a published subgraph. */
export function isPublished({ name }: Pick<WorkflowEntry, 'name'>): boolean {
  return name.startsWith(FOLDER);
}

/** Name of a published subgraph as people see it. */
export function publishedTitle(name: string): string {
  return name.slice(FOLDER.length);
}

function told(error: unknown): void {
  notify(errorSentence(error), true);
}

/** Offer a subgraph in the palette, in every document. One of the same name is replaced; its versions stay. */
export async function publish(node: string): Promise<void> {
  const state = getState();
  const title = titleOf(state, node).replaceAll('/', '-');
  const name = FOLDER + title;
  const isThere = state.workflows.some((entry) => entry.name === name);
  try {
    const change = await putWorkflow(name, copyNodes(state.graph, state.schema, new Set([node])), isThere ? '*' : null);
    await refreshWorkflows();
    if (change === 'conflict') notify(TEXT.subgraph.taken(title), true);
    else notify(TEXT.subgraph.published(title));
  } catch (error) {
    told(error);
  }
}

/** Add a published subgraph to the graph. */
export async function placePublished(name: string, at: Point): Promise<void> {
  try {
    const { document } = await fetchWorkflow(name);
    paste(parseEditorForm(document, getState().schema).graph, at);
  } catch (error) {
    told(error);
  }
}
