/** Moving the keyboard's focus over the canvas, also to what was not drawn before. */
import type { SocketEnd } from '../graph/navigate';
import { revealNode } from '../state/camera';
import { getState } from '../state/store';
import { handleId } from './flow';
import { holdFocus } from './mounting';

/** Frames to wait until a card that was out of sight is there. */
const PATIENCE = 20;

function whenThere(find: () => HTMLElement | null, patience = PATIENCE): void {
  const element = find();
  if (element) element.focus({ preventScroll: true });
  else if (patience > 0) requestAnimationFrame(() => whenThere(find, patience - 1));
}

/** The element of a card, if it is drawn as one. */
export function cardElement(id: string): HTMLElement | null {
  return document.querySelector(`.react-flow__node-card[data-id="${CSS.escape(id)}"]`);
}

/** The card an element belongs to. */
export function cardOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>('.react-flow__node-card') : null;
}

/** The socket an element is. */
export function socketOf(target: EventTarget | null): SocketEnd | undefined {
  const port = target instanceof Element ? target.closest('.port') : null;
  const handle = port?.getAttribute('data-handleid');
  const node = port?.getAttribute('data-nodeid');
  if (handle === null || handle === undefined || !node) return undefined;
  const side = handle.startsWith('in:') ? 'in' : 'out';
  return { node, side, key: handle.slice(side.length + 1) };
}

/** Focus a card without moving the view. */
export function focusInPlace(id: string): void {
  holdFocus(id);
  requestAnimationFrame(() => whenThere(() => cardElement(id)));
}

/** Focus a card and bring it into sight. */
export function focusCard(id: string): void {
  holdFocus(id);
  revealNode(getState().graph.nodes[id]);
  whenThere(() => cardElement(id));
}

/** Focus a socket and bring its card into sight. */
export function focusSocket({ node, side, key }: SocketEnd): void {
  holdFocus(node);
  revealNode(getState().graph.nodes[node]);
  whenThere(() => cardElement(node)?.querySelector<HTMLElement>(`.port[data-handleid="${CSS.escape(handleId(side, key))}"]`) ?? null);
}

/** What Tab stops at within a card, in order. */
export function stopsIn(card: HTMLElement): HTMLElement[] {
  return [...card.querySelectorAll<HTMLElement>('button:not(:disabled), input, select, textarea, a[href], .port')].filter((stop) => stop.tabIndex >= 0);
}
