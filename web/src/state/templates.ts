/** The template gallery: what each template needs. */
import { fetchWorkflow } from '../api/workflows';
import { neededFiles, type NeededFile } from '../graph/neededFiles';
import { TEXT } from '../text';
import { errorSentence } from './run';
import { getState, setState } from './store';
import { notify } from './ui';

/** Open or close the gallery. */
export function showTemplates(shown: boolean): void {
  setState({ templatesShown: shown });
}

/** The model files of a template; none, and said why, where it cannot be read. */
export async function filesOf(name: string): Promise<readonly NeededFile[]> {
  try {
    return neededFiles((await fetchWorkflow(name)).document, getState().schema);
  } catch (error) {
    notify(errorSentence(error), true);
    return [];
  }
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
