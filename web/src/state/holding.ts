/** What the pointer holds: a card, a corner, a number. All of it is one step, however it ends. */
import { beginGesture, dropGesture, endGesture } from './edits';
import { getState } from './store';
import type { Graph } from '../graph/model';

/** The graph as it was, which is also the mark of the pointer's own gesture. */
const hand: { before: Graph | null } = { before: null };

/** The pointer takes hold of something. */
export function takeHold(): void {
  endGesture();
  beginGesture();
  hand.before = getState().graph;
}

/** Whether it still holds it: undo, another tab and Escape end that before the button is let go. */
export function isHeld(): boolean {
  return hand.before !== null && getState().gesture === hand.before;
}

/** The pointer lets go; what it did stays. */
export function letGo(): void {
  if (isHeld()) endGesture();
  hand.before = null;
}

/** Put back what the pointer holds. Returns whether it held anything. */
export function putBack(): boolean {
  const held = isHeld();
  if (held) dropGesture();
  hand.before = null;
  return held;
}
