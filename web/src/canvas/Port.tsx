import { Handle, Position } from '@xyflow/react';
import { memo, type CSSProperties } from 'react';
import { typesFit } from '../graph/connect';
import type { Socket } from '../graph/geometry';
import { useCanvasUi } from '../state/canvasUi';
import { chooseSocket } from '../state/linking';
import { useStore, type Dragging } from '../state/store';
import { TEXT } from '../text';
import { socketShape, typeColor } from './colors';
import { handleId } from './flow';

interface PortProps {
  node: string;
  card: string;
  side: 'in' | 'out';
  socket: Socket;
  linked: boolean;
}

/** Whether a socket cannot take the link being drawn. */
function isOut(dragging: Dragging, node: string, side: 'in' | 'out', type: string): boolean {
  const needed = dragging.from === 'output' ? 'in' : 'out';
  if (side !== needed || dragging.node === node) return !(dragging.node === node && side !== needed);
  return !(needed === 'in' ? typesFit(dragging.type, type) : typesFit(type, dragging.type));
}

/** A socket at the card's edge: drag from it to draw a link. */
export const Port = memo(function Port({ node, card, side, socket, linked }: PortProps) {
  const fits = useStore((s) => (s.dragging === null ? '' : isOut(s.dragging, node, side, socket.type) ? 'dimmed' : 'fits'));
  const open = useCanvasUi((s) => s.openLink?.node === node && s.openLink.side === side && s.openLink.key === socket.key);
  const label = side === 'in' ? TEXT.card.input(socket.name, card) : TEXT.card.output(socket.name, card);
  const style = { top: socket.y, '--type': typeColor(socket.type) } as CSSProperties;
  const classes = ['port', socketShape(socket.type), linked ? 'linked' : '', fits, open ? 'open' : '', socket.onWidget ? 'on-widget' : ''];
  return (
    <Handle
      id={handleId(side, socket.key)} type={side === 'in' ? 'target' : 'source'}
      position={side === 'in' ? Position.Left : Position.Right} style={style} className={classes.join(' ')}
      role="button" tabIndex={0} aria-label={label} aria-pressed={open || undefined} onClick={() => chooseSocket({ node, side, key: socket.key })}
      data-testid={label} title={`${socket.type}${socket.help ? ` · ${socket.help}` : ''}`}
    />
  );
});
