/** Which windows of the editor are open in this browser. */
import { randomUuid } from './ids';
import { ownId } from './client';

const CHANNEL = 'sd35graph.windows';
/** How long the others have to say that they are there. */
const ANSWER_MS = 150;

type Message = { type: 'who' } | { type: 'here' | 'taken'; id: string };

/** This window's name in the journal: kept over a reload. A window that was duplicated by the browser gets a name of its own. */
export interface WindowName {
  id: string;
  /** The name it has inherited, under which it finds what it had open. */
  was: string;
  others: ReadonlySet<string>;
}

/** Ask who else is there. */
export async function nameWindow(): Promise<WindowName> {
  const channel = new BroadcastChannel(CHANNEL);
  const others = new Set<string>();
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === 'here') others.add(data.id);
  };
  channel.postMessage({ type: 'who' } satisfies Message);
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  channel.close();
  const was = ownId();
  return { id: others.has(was) ? randomUuid() : was, was, others };
}

/** Tell windows that ask that this one is there, and learn when another took it for gone. Returns what stops it. */
export function answerWindows(id: string, onTaken: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === 'who') channel.postMessage({ type: 'here', id } satisfies Message);
    else if (data.type === 'taken' && data.id === id) onTaken();
  };
  return () => channel.close();
}

/** Say that what a window had open is now open here. One that was only asleep writes its own anew. */
export function tellTaken(id: string): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ type: 'taken', id } satisfies Message);
  channel.close();
}
