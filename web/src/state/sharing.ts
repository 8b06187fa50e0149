/** Links to workflows: by the name of a saved one, or with the workflow in the link itself. */
import { tabStore } from '../api/storage';
import { inflate, readAtMost } from '../graph/inflate';
import { TEXT } from '../text';
import { showText } from './ask';
import { workflowText } from './files';
import { openText } from './opening';
import { openSaved, refreshWorkflows, told } from './saving';
import { getState } from './store';
import { notify } from './ui';

/** Longer links are cut by programs they are sent with. */
const LONGEST = 30_000;
/** A link of that length can be the compressed form of far more. */
const MOST_BYTES = 32 * 2 ** 20;
/** Where the part of an address behind `#` waits while one logs in; `login.html` and `goToLogin` put it there. */
export const WAITING_LINK = 'sd35graph.link';

/** A text, compressed, in letters that an address may hold. */
async function packed(text: string): Promise<string> {
  const bytes = await readAtMost(new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw')), MOST_BYTES);
  if (!bytes) throw new TypeError('too large');
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The text again. Throws TypeError or DOMException where the letters are damaged. */
async function unpacked(letters: string): Promise<string> {
  const bytes = Uint8Array.from(atob(letters.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
  const text = await inflate(bytes, MOST_BYTES, 'deflate-raw');
  if (!text) throw new TypeError('too large');
  return new TextDecoder().decode(text);
}

/** Where one logs in everybody has workflows of their own, so that a name would lead others nowhere. */
async function linkFor(file: string): Promise<string> {
  const { origin, pathname } = window.location;
  const here = origin + pathname;
  return getState().me ? `${here}#shared=${await packed(workflowText())}` : `${here}?workflow=${encodeURIComponent(file)}`;
}

/** The link; null where it is longer than one can send. */
async function shortLink(file: string): Promise<string | null> {
  try {
    const link = await linkFor(file);
    return link.length > LONGEST ? null : link;
  } catch (error) {
    if (error instanceof TypeError) return null; // more than can be packed
    throw error;
  }
}

/** Put a text on the clipboard. Returns whether the browser lets this page do so. */
async function isCopied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    // Pages that another machine serves over plain HTTP have no clipboard at all: a TypeError.
    if (error instanceof DOMException || error instanceof TypeError) return false;
    throw error;
  }
}

/** Put a link to the active document's saved workflow on the clipboard, or show it where the browser has none for us. */
export async function copyLink(): Promise<void> {
  const { file, me } = getState();
  if (!file) return;
  const { opening, actions, notes } = TEXT;
  const link = await shortLink(file.name);
  if (link === null) notify(opening.linkTooLong, true);
  else if (await isCopied(link)) notify(me ? opening.linkHolds : notes.linkCopied);
  else await showText(opening.linkTitle, opening.linkText, { label: opening.linkTitle, initial: link }, actions.close);
}

/** What the page's address asks for, once: a reload then brings back what became of it. */
function takeLink(): URLSearchParams {
  const { hash, search, pathname } = window.location;
  const waiting = tabStore.getItem(WAITING_LINK) ?? '';
  tabStore.removeItem(WAITING_LINK);
  const link = new URLSearchParams(hash.slice(1) || waiting.slice(1));
  const asked = link.has('workflow') || link.has('shared') ? link : new URLSearchParams(search);
  if (asked.has('workflow') || asked.has('shared')) history.replaceState(null, '', pathname);
  return asked;
}

async function openShared(letters: string): Promise<boolean> {
  try {
    openText(await unpacked(letters), TEXT.opening.sharedName);
    return true;
  } catch (error) {
    // Whatever a damaged link makes of a document: it is told, and nothing of it is opened.
    if (!(error instanceof Error)) throw error;
    notify(TEXT.opening.badLink, true);
    return false;
  }
}

function isListed(name: string): boolean {
  return getState().workflows.some((entry) => entry.name === name);
}

/** Open a workflow by its name; one that is not listed may have been saved since the list was asked for. */
async function openNamed(name: string): Promise<boolean> {
  return told(async () => {
    if (!isListed(name)) await refreshWorkflows();
    if (isListed(name)) return openSaved(name);
    notify(getState().me ? TEXT.opening.noSuchHere(name) : TEXT.opening.noSuch(name), true);
    return false;
  });
}

/** Open what a link asks for. Returns whether it did. */
export async function openLinked(): Promise<boolean> {
  const link = takeLink();
  const [shared, name] = [link.get('shared'), link.get('workflow')];
  if (shared) return openShared(shared);
  return name ? openNamed(name) : false;
}
