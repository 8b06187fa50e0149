import { useReactFlow, type Connection, type Edge, type IsValidConnection, type OnConnectEnd, type OnConnectStart } from '@xyflow/react';
import { useCallback } from 'react';
import { carriedType, inputType, refusal, type Endpoints } from '../graph/connect';
import { linkInto } from '../graph/model';
import { useCanvasUi } from '../state/canvasUi';
import { unlink } from '../state/edits';
import { dropLink, linkAndSay } from '../state/linking';
import { getState, setState } from '../state/store';
import { handleKey } from './flow';

function endpoints(connection: Connection | Edge): Endpoints {
  return {
    source: connection.source, sourceSlot: Number(handleKey(connection.sourceHandle)),
    target: connection.target, input: handleKey(connection.targetHandle),
  };
}

/** Wrong links do not snap while they are dragged. */
export const isValidConnection: IsValidConnection = (connection) => {
  const { graph, schema } = getState();
  return refusal(graph, schema, endpoints(connection)) === undefined;
};

export function onConnect(connection: Connection): void {
  if (!getState().dragging) return; // Escape has let go of it
  linkAndSay(endpoints(connection));
}

export const onConnectStart: OnConnectStart = (_event, { nodeId, handleId, handleType }) => {
  if (nodeId === null) return;
  dropLink();
  const { graph, schema } = getState();
  const key = handleKey(handleId);
  const type = handleType === 'source' ? carriedType(schema, graph, nodeId, Number(key)) : inputType(schema, graph.nodes[nodeId], key);
  setState({ dragging: { node: nodeId, type: type ?? '*', from: handleType === 'source' ? 'output' : 'input' } });
};

/** Let go of the link that is being drawn. Returns whether one was. */
export function cancelConnecting(): boolean {
  if (!getState().dragging || useCanvasUi.getState().openLink) return false;
  setState({ dragging: null });
  return true;
}

function pointOf(event: MouseEvent | TouchEvent): { x: number; y: number } {
  const touch = 'changedTouches' in event ? event.changedTouches[0] : event;
  return { x: touch?.clientX ?? 0, y: touch?.clientY ?? 0 };
}

/** A link dropped on empty space offers fitting nodes; one pulled off a linked input is removed. */
export function useConnectEnd(): OnConnectEnd {
  const { screenToFlowPosition } = useReactFlow();
  return useCallback((event, { isValid, fromHandle, toNode, toHandle }) => {
    const { dragging, graph } = getState();
    setState({ dragging: null });
    if (isValid === true || !fromHandle || !dragging || toHandle) return;
    const onCard = toNode !== null || (event.target instanceof Element && event.target.closest('.react-flow__node-card') !== null);
    if (onCard) return;
    const key = handleKey(fromHandle.id);
    const held = fromHandle.type === 'target' ? linkInto(graph, fromHandle.nodeId, key) : undefined;
    if (held) {
      unlink([held.id]);
      return;
    }
    const at = screenToFlowPosition(pointOf(event));
    const needs = dragging.from === 'output' ? 'in' : 'out';
    setState({ palette: { at, end: { type: dragging.type, needs, node: fromHandle.nodeId, key } } });
  }, [screenToFlowPosition]);
}
