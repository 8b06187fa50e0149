/** The keyboard's focus is never lost: where the card that has it goes away, another one takes it. */
import type { Point } from '../graph/model';
import { getState, useStore, type State } from '../state/store';
import { cardElement, cardOf, focusInPlace } from './focus';

/** The card to go to: a selected one, else the one nearest to where the other stood. */
function successor({ graph, selection }: State, at: Point | undefined): string | undefined {
  const [chosen] = [...selection].filter((id) => id in graph.nodes);
  if (chosen !== undefined || !at) return chosen;
  let nearest: string | undefined;
  let least = Infinity;
  for (const { id, position } of Object.values(graph.nodes)) {
    const away = Math.hypot(position.x - at.x, position.y - at.y);
    if (away < least) [nearest, least] = [id, away];
  }
  return nearest;
}

/** After another document came: the card that is selected there, else its tab. */
function focusDocument({ graph, selection }: State): void {
  if (document.activeElement !== document.body) return;
  const [chosen] = [...selection].filter((id) => id in graph.nodes);
  const card = chosen === undefined ? null : cardElement(chosen);
  (card ?? document.querySelector<HTMLElement>('.document-name[aria-current]'))?.focus({ preventScroll: true });
}

/** Follow what happens to the card that has the focus. Returns what stops it. */
export function keepFocus(): () => void {
  return useStore.subscribe((state, before) => {
    if (state.active !== before.active) requestAnimationFrame(() => focusDocument(state));
    else if (state.graph.nodes !== before.graph.nodes) {
      const id = cardOf(document.activeElement)?.getAttribute('data-id');
      if (!id || id in state.graph.nodes) return;
      const at = before.graph.nodes[id]?.position;
      // What took the card's place may be selected only after this.
      queueMicrotask(() => {
        const next = successor(getState(), at);
        if (next !== undefined) focusInPlace(next);
        else document.querySelector<HTMLElement>('.canvas-start')?.focus();
      });
    }
  });
}
