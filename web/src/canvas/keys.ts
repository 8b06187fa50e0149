/** The canvas by keyboard: from card to card, into a card and out again, moving, connecting, menus. */
import type { KeyboardEvent } from 'react';
import { GRID } from '../graph/align';
import { alongLinks, fittingSockets, neighbour, otherEnd, readingOrder, type Direction, type SocketEnd } from '../graph/navigate';
import { curveOf, pointOn } from '../graph/curve';
import { updateNode } from '../graph/edit';
import { linkIndex, type Point } from '../graph/model';
import { MAX_WIDTH, MIN_WIDTH } from '../graph/geometry';
import { say } from '../state/announce';
import { nudge, select } from '../state/arranging';
import { useCanvasUi } from '../state/canvasUi';
import { commit } from '../state/edits';
import { isSubgraph } from '../state/levels';
import { chooseSocket, dropLink, socketName, unlinkSocket } from '../state/linking';
import { getState, setState } from '../state/store';
import { TEXT } from '../text';
import { boxes, layoutAt } from './flow';
import { cardElement, cardOf, focusCard, focusSocket, socketOf, stopsIn } from './focus';

const STEP = 8;
const ARROWS: Readonly<Record<string, Direction>> = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' };
const WAYS: Readonly<Record<Direction, { x: number; y: number }>> = { left: { x: -1, y: 0 }, right: { x: 1, y: 0 }, up: { x: 0, y: -1 }, down: { x: 0, y: 1 } };

/** The link at a socket, and its middle. */
function linkAt({ node, side, key }: SocketEnd): { link: string; at: Point } | undefined {
  const state = getState();
  const { into, outOf } = linkIndex(state.graph);
  const link = side === 'in' ? into[node]?.[key] : outOf[node]?.find(({ sourceSlot }) => sourceSlot === Number(key));
  const curve = link && curveOf(state.graph, link, (id) => {
    const held = state.graph.nodes[id];
    return held && layoutAt(state, held);
  });
  return curve && { link: link.id, at: pointOn(curve, 0.5) };
}

/** The menu of a card; at a socket that of its link. */
function openMenu(card: HTMLElement, node: string, end: SocketEnd | undefined): void {
  const box = card.getBoundingClientRect();
  setState({ menu: { ...((end && linkAt(end)) ?? { node }), x: box.left + 24, y: box.top + 36 } });
}

function go(id: string | undefined): boolean {
  if (id === undefined) say(TEXT.canvas.says.noCard);
  else focusCard(id);
  return true;
}

function resize(id: string, by: number): void {
  const { graph } = getState();
  const node = graph.nodes[id];
  if (node) commit(updateNode(graph, id, { size: { ...node.size, width: Math.min(Math.max(node.size.width + by, MIN_WIDTH), MAX_WIDTH) } }));
}

function onArrow(event: KeyboardEvent, id: string, direction: Direction): boolean {
  const way = WAYS[direction];
  if (event.altKey && event.shiftKey) resize(id, way.x * GRID);
  else if (event.altKey) {
    const step = getState().snap ? GRID : STEP;
    nudge(id, { x: way.x * step, y: way.y * step });
  } else if (event.ctrlKey || event.metaKey) return go(alongLinks(getState().graph, id, direction === 'right' || direction === 'down'));
  else return go(neighbour(boxes(getState()), id, direction));
  return true;
}

function toggleSelected(id: string, adds: boolean): void {
  const { selection } = getState();
  if (!adds) select(selection.has(id) && selection.size === 1 ? [] : [id]);
  else select(selection.has(id) ? [...selection].filter((other) => other !== id) : [...selection, id]);
}

function enter(card: HTMLElement, id: string): void {
  if (!getState().selection.has(id)) setState({ selection: new Set([id]), linkSelection: new Set() });
  const stops = stopsIn(card);
  const first = stops.find((stop) => stop.closest('.fields')) ?? stops.find((stop) => stop.classList.contains('port'));
  first?.focus({ preventScroll: true });
  if (first) say(TEXT.canvas.says.inside);
}

/** The next card in reading order; beyond the last one the focus leaves the canvas the way the browser does it. */
function tab(id: string, back: boolean): boolean {
  const order = readingOrder(boxes(getState()));
  const next = order[order.indexOf(id) + (back ? -1 : 1)];
  if (next !== undefined) {
    focusCard(next);
    return true;
  }
  document.querySelector<HTMLElement>(back ? '.canvas-start' : '.canvas-end')?.focus();
  return false;
}

function onCardKey(event: KeyboardEvent, card: HTMLElement, id: string): boolean {
  const direction = ARROWS[event.key];
  if (direction) return onArrow(event, id, direction);
  switch (event.key) {
    case 'Enter':
      // A subgraph is opened, by the command that Enter stands for.
      if (event.ctrlKey || event.metaKey || (getState().selection.has(id) && isSubgraph(getState().graph, id))) return false;
      enter(card, id);
      return true;
    case ' ':
      toggleSelected(id, event.ctrlKey || event.shiftKey);
      return true;
    case 'Tab': return tab(id, event.shiftKey);
    case 'Escape':
      if (getState().selection.size === 0) return false;
      select([]);
      return true;
    case 'F2':
      card.querySelector('.card-header')?.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
      return true;
    default: return false;
  }
}

/** The socket so many further among those that fit the link that was begun. */
function stepFitting(open: SocketEnd, from: SocketEnd, by: number): void {
  const { graph, schema } = getState();
  const fitting = fittingSockets(graph, schema, boxes(getState()), open);
  const at = fitting.findIndex((end) => end.node === from.node && end.side === from.side && end.key === from.key);
  const next = at < 0 ? fitting[by > 0 ? 0 : fitting.length - 1] : fitting[(at + by + fitting.length) % fitting.length];
  if (next) focusSocket(next);
}

function begin(end: SocketEnd): void {
  chooseSocket(end);
  if (!useCanvasUi.getState().openLink) return;
  const { graph, schema } = getState();
  say(TEXT.canvas.says.connecting(socketName(end), fittingSockets(graph, schema, boxes(getState()), end).length));
}

function onSocketKey(event: KeyboardEvent, end: SocketEnd, card: HTMLElement): boolean {
  const { openLink } = useCanvasUi.getState();
  const direction = ARROWS[event.key];
  if (event.key === 'Enter' || event.key === ' ') {
    if (event.ctrlKey) return false;
    begin(end);
  } else if (event.key === 'Delete' || event.key === 'Backspace') unlinkSocket(end);
  else if (!direction) return false;
  else if (openLink) stepFitting(openLink, end, direction === 'right' || direction === 'down' ? 1 : -1);
  else if (direction === 'left' || direction === 'right') {
    const other = otherEnd(getState().graph, end);
    if (other) focusSocket(other);
  } else {
    const ports = [...card.querySelectorAll<HTMLElement>('.port')];
    const at = ports.findIndex((port) => port === document.activeElement);
    ports[(at + (direction === 'down' ? 1 : -1) + ports.length) % ports.length]?.focus({ preventScroll: true });
  }
  return true;
}

/** Tab and Escape within a card. Escape waits: the field that is left takes back first what was typed. */
function onInnerKey(event: KeyboardEvent, card: HTMLElement, id: string): boolean {
  if (event.key === 'Escape') {
    if (useCanvasUi.getState().openLink) dropLink();
    else setTimeout(() => cardElement(id)?.focus({ preventScroll: true }));
    return false;
  }
  if (event.key !== 'Tab') return false;
  const stops = stopsIn(card);
  const edge = event.shiftKey ? stops[0] : stops.at(-1);
  if (edge !== document.activeElement) return false;
  if (!event.shiftKey) return tab(id, false);
  card.focus({ preventScroll: true });
  return true;
}

/** Keys pressed on the canvas, before the field that has the focus sees them. */
export function onCanvasKey(event: KeyboardEvent): void {
  const card = cardOf(event.target);
  const id = card?.getAttribute('data-id');
  if (!card || !id) return;
  const isCard = event.target === card;
  const end = socketOf(event.target);
  let taken = false;
  if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
    openMenu(card, id, end);
    taken = true;
  } else if (isCard) taken = onCardKey(event, card, id);
  else taken = (end ? onSocketKey(event, end, card) : false) || onInnerKey(event, card, id);
  if (!taken) return;
  event.preventDefault();
  event.stopPropagation();
}
