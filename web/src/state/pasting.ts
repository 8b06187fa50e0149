/** What comes from the clipboard: nodes copied here, workflows as text, pictures and files. */
import { isCopy, readClipboard } from '../graph/clipboard';
import { EMPTY_GRAPH, nodeCount, type Graph } from '../graph/model';
import { WorkflowError } from '../graph/parse';
import { parseWorkflow } from '../graph/parseApi';
import { readDocument } from '../graph/readFile';
import { TEXT } from '../text';
import { ask } from './ask';
import { viewCentre } from './camera';
import { paste } from './edits';
import { openFiles, openText } from './opening';
import { getState } from './store';
import { uploadOnCard } from './upload';

/** The graph of a workflow in any form; undefined for other text. */
function workflowIn(text: string): Graph | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return parseWorkflow(readDocument(text).document, getState().schema).graph;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WorkflowError) return undefined;
    throw error;
  }
}

async function choose(graph: Graph): Promise<string | null> {
  if (nodeCount(getState().graph) === 0) return 'open';
  const { opening, actions } = TEXT;
  return ask(opening.pasteTitle, opening.pasteText(nodeCount(graph)), [
    { value: 'cancel', label: actions.cancel }, { value: 'here', label: opening.pasteHere }, { value: 'open', label: opening.pasteOpen, kind: 'primary' },
  ]);
}

async function offer(graph: Graph, text: string): Promise<void> {
  const choice = await choose(graph);
  if (choice === 'open') openText(text, TEXT.opening.pastedName);
  // Nothing of the file but its nodes: what it was read from belongs to another document.
  else if (choice === 'here') paste({ ...EMPTY_GRAPH, nodes: graph.nodes, links: graph.links, subgraphs: graph.subgraphs }, viewCentre());
}

/** Load a pasted picture in the card that is selected, where that loads one; open all else. */
function takeFiles(files: readonly File[]): void {
  const { simple, selection } = getState();
  const [id, ...others] = selection;
  const picture = files.find(({ type }) => type.startsWith('image/'));
  // The simple view shows no selection.
  const isTaken = picture !== undefined && !simple && others.length === 0 && uploadOnCard(id, picture);
  void openFiles(isTaken ? files.filter((file) => file !== picture) : files, simple ? undefined : viewCentre());
}

/** Take what was pasted. Returns whether it was anything for the editor. */
export function pasteFrom(clipboard: DataTransfer): boolean {
  const files = [...clipboard.files];
  const text = clipboard.getData('text/plain');
  const copied = isCopy(text) ? readClipboard(text, getState().schema) : undefined;
  const workflow = copied ? undefined : workflowIn(text);
  if (copied) paste(copied, viewCentre());
  else if (workflow) void offer(workflow, text);
  else if (files.length > 0) takeFiles(files);
  return copied !== undefined || workflow !== undefined || files.length > 0;
}
