/** Links made without dragging: one socket is chosen, then the other, by keyboard, click or tap. */
import { carriedType, inputType, type Endpoints } from '../graph/connect';
import { linkInto } from '../graph/model';
import { endsOf, type SocketEnd } from '../graph/navigate';
import { specOf } from '../graph/virtual';
import { TEXT } from '../text';
import { say } from './announce';
import { useCanvasUi } from './canvasUi';
import { link, unlink } from './edits';
import { getState, setState, titleOf } from './store';

/** Name of a socket for those who do not see it. */
export function socketName({ node, side, key }: SocketEnd): string {
  const state = getState();
  const held = state.graph.nodes[node];
  const card = TEXT.card.label(titleOf(state, node), node);
  if (side === 'in') return TEXT.card.input(key, card);
  const output = held && (specOf(state.schema, held)?.outputs ?? held.outputs)[Number(key)];
  return TEXT.card.output(output?.name ?? key, card);
}

/** Begin a link at a socket. */
export function beginLink(end: SocketEnd): void {
  const { graph, schema } = getState();
  const type = end.side === 'out' ? carriedType(schema, graph, end.node, Number(end.key)) : inputType(schema, graph.nodes[end.node], end.key);
  useCanvasUi.setState({ openLink: end });
  setState({ dragging: { node: end.node, type: type ?? '*', from: end.side === 'out' ? 'output' : 'input' } });
}

/** Let go of a link that was begun. */
export function dropLink(): void {
  if (!useCanvasUi.getState().openLink) return;
  useCanvasUi.setState({ openLink: null });
  setState({ dragging: null });
}

/** Link two sockets and say so. */
export function linkAndSay(ends: Endpoints): void {
  const before = getState().graph.links;
  link(ends);
  if (getState().graph.links === before) return;
  const from = socketName({ node: ends.source, side: 'out', key: String(ends.sourceSlot) });
  say(TEXT.canvas.says.connected(from, socketName({ node: ends.target, side: 'in', key: ends.input })));
}

/** A socket was chosen: it begins a link, or ends the one that was begun. */
export function chooseSocket(end: SocketEnd): void {
  const { openLink } = useCanvasUi.getState();
  const ends = openLink && endsOf(openLink, end);
  const isSame = openLink?.node === end.node && openLink.key === end.key && openLink.side === end.side;
  dropLink();
  if (ends) linkAndSay(ends);
  else if (!isSame) beginLink(end);
}

/** Remove the link that ends at an input. */
export function unlinkSocket(end: SocketEnd): void {
  const held = end.side === 'in' ? linkInto(getState().graph, end.node, end.key) : undefined;
  if (!held) return;
  unlink([held.id]);
  say(TEXT.canvas.says.disconnected);
}
