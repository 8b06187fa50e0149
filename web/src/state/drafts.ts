/** Unsaved changes, kept in the browser: one draft per tab, so that two windows do not undo each other's. */
import { ownId } from './run';

const PREFIX = 'sd35graph.draft.';
const CHANNEL = 'sd35graph.tabs';
/** How long other tabs have to say that they are there. */
const ANSWER_MS = 150;

interface Draft {
  at: number;
  text: string;
}

function read(key: string): Draft | undefined {
  const stored = localStorage.getItem(key);
  if (stored === null) return undefined;
  const cut = stored.indexOf('\n');
  return { at: Number(stored.slice(0, cut)), text: stored.slice(cut + 1) };
}

/** Answer other tabs that ask who is there. Returns what stops it. */
export function answerTabs(): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }) => {
    if (data === 'who') channel.postMessage(ownId());
  };
  return () => channel.close();
}

async function otherTabs(): Promise<ReadonlySet<string>> {
  const channel = new BroadcastChannel(CHANNEL);
  const there = new Set<string>();
  channel.onmessage = ({ data }) => {
    if (typeof data === 'string') there.add(data);
  };
  channel.postMessage('who');
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  channel.close();
  return there;
}

/** Keep a draft of this tab. Returns false where the browser has no room for it. */
export function keepDraft(text: string): boolean {
  try {
    localStorage.setItem(PREFIX + ownId(), `${Date.now()}\n${text}`);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}

/** Forget this tab's draft. */
export function dropDraft(): void {
  localStorage.removeItem(PREFIX + ownId());
}

/** This tab's draft, else the newest that a closed tab left behind, which becomes this tab's. */
export async function findDraft(): Promise<string | undefined> {
  const own = read(PREFIX + ownId());
  if (own) return own.text;
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  if (keys.length === 0) return undefined;
  const there = await otherTabs();
  const left = keys.filter((key) => !there.has(key.slice(PREFIX.length)));
  const [newest] = left.sort((a, b) => (read(b)?.at ?? 0) - (read(a)?.at ?? 0));
  if (newest === undefined) return undefined;
  const draft = read(newest);
  localStorage.removeItem(newest);
  return draft?.text;
}
