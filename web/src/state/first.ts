/** What the page shows first, and links to saved workflows. */
import { TEXT } from '../text';
import { DEFAULT_WORKFLOW, openExample } from './files';
import { restoreAndKeep } from './restore';
import { errorSentence } from './run';
import { openSaved, refreshWorkflows } from './saving';
import { getState } from './store';
import { notify } from './ui';
import type { WindowName } from './windows';

/** Bring back what was open here; where the browser keeps nothing, say so. */
async function restored(window: Promise<WindowName>): Promise<boolean> {
  try {
    return await restoreAndKeep(await window);
  } catch (error) {
    notify(TEXT.errors.noJournal(error instanceof Error ? error.message : String(error)), true);
    return false;
  }
}

/** The workflow a link asks for: `#workflow=name` or `?workflow=name`. */
function linkedName(): string | null {
  const { hash, search } = window.location;
  return new URLSearchParams(hash.slice(1)).get('workflow') ?? new URLSearchParams(search).get('workflow');
}

async function openLinked(): Promise<boolean> {
  const name = linkedName();
  if (!name) return false;
  // Once opened it is a document like others: a reload brings back what became of it.
  history.replaceState(null, '', window.location.pathname);
  return openSaved(name);
}

/** Fill the canvas at the start: what was open before, and what the link asks for; else the example. */
export async function openFirst(name: Promise<WindowName>): Promise<void> {
  try {
    await refreshWorkflows();
  } catch (error) {
    notify(errorSentence(error), true);
  }
  const back = await restored(name);
  const linked = await openLinked();
  window.addEventListener('hashchange', () => void openLinked());
  if (!back && !linked) await openExample(DEFAULT_WORKFLOW);
}

/** Put a link to the active document's saved workflow on the clipboard. */
export async function copyLink(): Promise<void> {
  const { file } = getState();
  if (!file) return;
  const link = new URL(`#workflow=${encodeURIComponent(file.name)}`, window.location.href).href;
  // Browsers give no clipboard to pages served over plain HTTP by another machine: then the link is told.
  const clipboard = (navigator as { clipboard?: Clipboard }).clipboard;
  await clipboard?.writeText(link);
  notify(clipboard ? TEXT.notes.linkCopied : link);
}
