/** The template gallery: what each template needs. */
import type { WorkflowEntry } from '../api/wire';
import { fetchWorkflow } from '../api/workflows';
import type { Json } from '../graph/json';
import { separate } from '../graph/layout';
import type { Graph } from '../graph/model';
import { neededFiles, type NeededFile } from '../graph/neededFiles';
import { parseWorkflow } from '../graph/parseApi';
import type { Schema } from '../graph/schema';
import { TEXT } from '../text';
import { DEFAULT_WORKFLOW } from './files';
import { errorSentence } from './run';
import { getState, setState } from './store';
import { notify } from './ui';

/** Open or close the gallery. */
export function showTemplates(shown: boolean): void {
  setState({ templatesShown: shown });
}

/** The templates among what the server holds; the one that runs everywhere comes first. */
export function templatesOf(workflows: readonly WorkflowEntry[]): WorkflowEntry[] {
  return workflows.filter((entry) => entry.is_example).sort((a, b) => Number(b.name === DEFAULT_WORKFLOW) - Number(a.name === DEFAULT_WORKFLOW));
}

/** Templates with a picture of what they make, in `public/templates`: those whose models come with the program. */
export const PICTURED: ReadonlySet<string> = new Set(['sd35_tiny']);

const documents = new Map<string, Promise<Json>>();

/** The document of a template, asked once: it is the server's own, and does not change. */
function templateDocument(name: string): Promise<Json> {
  const known = documents.get(name);
  if (known) return known;
  const asked = fetchWorkflow(name).then(({ document }) => document);
  documents.set(name, asked);
  asked.catch(() => documents.delete(name));
  return asked;
}

/** What a template's document says; where it cannot be read, that is told. */
async function ofTemplate<T>(name: string, read: (document: Json, schema: Schema) => T, otherwise: T): Promise<T> {
  try {
    return read(await templateDocument(name), getState().schema);
  } catch (error) {
    notify(errorSentence(error), true);
    return otherwise;
  }
}

/** The model files of a template. */
export function filesOf(name: string): Promise<readonly NeededFile[]> {
  return ofTemplate<readonly NeededFile[]>(name, neededFiles, []);
}

/** The graph of a template, as it opens. */
export function templateGraph(name: string): Promise<Graph | null> {
  return ofTemplate<Graph | null>(name, (document, schema) => separate(parseWorkflow(document, schema).graph, schema), null);
}

/** Put a command line on the clipboard; where there is none, tell it. */
export async function copyCommand(command: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(command);
    notify(TEXT.repairs.copied(command));
  } catch (error) {
    // Over plain HTTP from another machine there is no clipboard.
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    notify(TEXT.repairs.notCopied(command), true);
  }
}
