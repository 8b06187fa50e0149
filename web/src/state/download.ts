/** Files for the user to keep. */
import { stringifyJson } from '../graph/json';
import { rootOf } from '../graph/levels';
import { toApiForm } from '../graph/serialize';
import { workflowText } from './files';
import { getState } from './store';

/** Give the user a file. */
export function download(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name.replace(/[^\p{L}\p{N} ._-]+/gu, '_');
  anchor.click();
  URL.revokeObjectURL(url);
}

/** The workflow as editors read it. */
export function downloadEditorForm(): void {
  download(new Blob([workflowText()], { type: 'application/json' }), `${getState().name}.json`);
}

/** The workflow as servers run it. */
export function downloadApiForm(): void {
  const { graph, schema, name } = getState();
  download(new Blob([stringifyJson(toApiForm(rootOf(graph), schema), 2)], { type: 'application/json' }), `${name}.api.json`);
}

/** The workflow as a Python script that runs it. */
export async function downloadPython(): Promise<void> {
  const { pythonScript } = await import('../graph/python');
  const { graph, schema, name } = getState();
  download(new Blob([pythonScript(toApiForm(graph, schema), name, location.origin)], { type: 'text/x-python' }), `${name}.py`);
}
