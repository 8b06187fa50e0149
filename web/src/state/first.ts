/** What the page shows first. */
import { DEFAULT_WORKFLOW, openExample } from './files';
import { cannotKeep } from './kept';
import { restoreAndKeep } from './restore';
import { errorSentence } from './run';
import { refreshWorkflows } from './saving';
import { openLinked } from './sharing';
import { notify } from './ui';
import type { WindowName } from './windows';

/** Bring back what was open here; where the browser keeps nothing, say so. */
async function restored(window: Promise<WindowName>): Promise<boolean> {
  try {
    return await restoreAndKeep(await window);
  } catch (error) {
    cannotKeep(error);
    return false;
  }
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
