/** Fields that become inputs, and inputs that become fields. */
import { feedField, takeBack } from '../graph/feed';
import { linkInto } from '../graph/model';
import { commit } from './edits';
import { getState, setState } from './store';

/** Feed a field from a card of its own, or let it hold its value itself again. */
export function toggleFed(node: string, input: string): void {
  const { graph, schema } = getState();
  commit(linkInto(graph, node, input) ? takeBack(graph, schema, node, input) : feedField(graph, schema, node, input));
}

function cardElement(id: string): HTMLElement | null {
  return document.querySelector(`.react-flow__node-card[data-id="${CSS.escape(id)}"]`);
}

/** The field that has the focus, else the menu in which one is chosen. */
export function feedFocused(): void {
  const field = document.activeElement?.closest('.react-flow__node-card [data-input]');
  const card = field?.closest('[data-id]')?.getAttribute('data-id');
  const input = field?.getAttribute('data-input');
  if (card && input) {
    cardElement(card)?.focus({ preventScroll: true }); // the field goes, and the keyboard's place with it
    toggleFed(card, input);
    return;
  }
  const [id] = getState().selection;
  const box = id === undefined ? undefined : cardElement(id)?.getBoundingClientRect();
  if (id !== undefined && box) setState({ menu: { node: id, page: 'inputs', x: box.left + 24, y: box.top + 24 } });
}
