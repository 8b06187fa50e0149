/**
 * Keeps the cards that are drawn as elements of the page in step with the view: a few per frame while it moves, so that no
 * frame takes long, and the rest when it rests.
 */
import { create } from 'zustand';
import type { Box } from '../graph/align';
import { chooseCards } from '../graph/window';
import { getState, useStore } from '../state/store';
import { boxes } from './flow';

/** Cards added per frame while the view moves. */
const PER_FRAME = 2;
const NOBODY: ReadonlySet<string> = new Set();

interface Mounted {
  ids: ReadonlySet<string>;
  crowded: boolean;
}

/** Which cards are elements now. */
export const useMounted = create<Mounted>()(() => ({ ids: NOBODY, crowded: false }));

const held: { view: Box | undefined; hovered: string | undefined; focused: string | undefined; frame: number | undefined } = {
  view: undefined, hovered: undefined, focused: undefined, frame: undefined,
};

function same(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false;
  for (const id of a) if (!b.has(id)) return false;
  return true;
}

function needed(): ReadonlySet<string> {
  return new Set([held.hovered, held.focused].filter((id) => id !== undefined));
}

function choose(budget: number): void {
  if (!held.view) return;
  const { ids, crowded } = useMounted.getState();
  const choice = chooseCards(boxes(getState()), held.view, ids, needed(), budget);
  if (crowded !== choice.crowded || !same(ids, choice.ids)) useMounted.setState({ ids: choice.ids, crowded: choice.crowded });
  if (choice.more) later();
}

function later(): void {
  held.frame ??= requestAnimationFrame(() => {
    held.frame = undefined;
    choose(PER_FRAME);
  });
}

/** The view has moved to an area of the graph. */
export function lookAt(view: Box): void {
  const isFirst = held.view === undefined;
  held.view = view;
  if (isFirst) choose(Infinity);
  else later();
}

/** What is seen of the graph. */
export function seenArea(): Box | undefined {
  return held.view;
}

/** The card under the pointer is an element, however small it is, so that it can be dragged and chosen. */
export function hover(id: string | undefined): void {
  if (held.hovered === id) return;
  held.hovered = id;
  if (useMounted.getState().crowded) choose(0);
}

/** The card that has the keyboard's focus stays, wherever the view is. */
export function holdFocus(id: string | undefined): void {
  held.focused = id;
  if (id !== undefined && !useMounted.getState().ids.has(id)) choose(0);
}

/** Follow the graph: other cards, other sizes. Returns what stops it. */
export function followGraph(): () => void {
  return useStore.subscribe((state, before) => {
    const moved = state.graph.nodes !== before.graph.nodes && !state.gesture;
    if (moved || state.live !== before.live || state.schema !== before.schema || state.gesture !== before.gesture) choose(Infinity);
  });
}
