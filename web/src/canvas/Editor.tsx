import { Background, BackgroundVariant, ReactFlow, useReactFlow } from '@xyflow/react';
import { useCallback, useEffect, useMemo, type DragEvent, type MouseEvent, type PointerEvent } from 'react';
import type { Box } from '../graph/align';
import { cardAt } from '../graph/window';
import { viewMoved } from '../state/camera';
import { beginGesture, endGesture, placeType } from '../state/edits';
import { openFile } from '../state/files';
import { getState, setState, useStore } from '../state/store';
import { uploadOnCard } from '../state/upload';
import { TEXT } from '../text';
import { Breadcrumb } from './Breadcrumb';
import { CanvasTools } from './CanvasTools';
import { EmptyCanvas } from './EmptyCanvas';
import { FarLayer } from './FarLayer';
import { boxes, flowEdges, flowNodes, linksAt } from './flow';
import { FrameCard } from './FrameCard';
import { LinkEdge } from './LinkEdge';
import { followGraph, holdFocus, hover, lookAt, useMounted } from './mounting';
import { NodeCard } from './NodeCard';
import { Overview } from './Overview';
import { Starting } from './Starting';
import { MIN_ZOOM, useCamera } from './useCamera';
import { isValidConnection, onConnect, onConnectStart, useConnectEnd } from './useConnecting';
import { onEdgesChange, onNodesChange } from './useChanges';
import { useView } from './useView';

const nodeTypes = { card: NodeCard, frame: FrameCard };
const edgeTypes = { link: LinkEdge };

/** Tells the style sheet that the view moves, past React: a pan must not draw anything again. */
function showMoving(moving: boolean): void {
  document.querySelector('.canvas')?.classList.toggle('moving', moving);
}

function onMoveStart(event: unknown): void {
  showMoving(true);
  if (event) viewMoved();
}

/** What React Flow is given: of a large graph only what is near the view. */
function useFlow() {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const live = useStore((s) => s.live);
  const selection = useStore((s) => s.selection);
  const linkSelection = useStore((s) => s.linkSelection);
  const ids = useMounted((s) => s.ids);
  const scene = useMemo(() => ({ graph, schema, live }), [graph, schema, live]);
  const links = useMemo(() => linksAt(graph, ids), [graph, ids]);
  const nodes = useMemo(() => flowNodes(scene, ids, links, selection), [scene, ids, links, selection]);
  const edges = useMemo(() => flowEdges(scene, links, linkSelection), [scene, links, linkSelection]);
  return { nodes, edges };
}

/** Keeps the elements in step with the view and the graph. */
function useMounting(): void {
  useView(useCallback((area: Box) => lookAt(area), []));
  useEffect(followGraph, []);
}

function idOf(target: EventTarget): string | undefined {
  const card = target instanceof Element ? target.closest('.react-flow__node-card') : null;
  return card?.getAttribute('data-id') ?? undefined;
}

/** The canvas: cards, links, zoom and overview. */
export function Editor() {
  const isEmpty = useStore((s) => Object.keys(s.graph.nodes).length === 0);
  const ready = useStore((s) => s.schemaState === 'ready');
  const { nodes, edges } = useFlow();
  const { screenToFlowPosition } = useReactFlow();
  const onConnectEnd = useConnectEnd();
  useCamera();
  useMounting();

  const onDoubleClick = (event: MouseEvent): void => {
    if (!(event.target instanceof Element) || !event.target.classList.contains('react-flow__pane')) return;
    setState({ palette: { at: screenToFlowPosition({ x: event.clientX, y: event.clientY }) } });
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    const at = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const file = event.dataTransfer.files[0];
    const type = event.dataTransfer.getData('application/x-node-type');
    const card = event.target instanceof Element ? event.target.closest('.react-flow__node-card') : null;
    if (file && uploadOnCard(card?.getAttribute('data-id'), file)) return;
    if (file) void openFile(file, at);
    else if (type) placeType(type, at);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons !== 0 || !useMounted.getState().crowded) return;
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    hover(cardAt(boxes(getState()), x, y));
  };
  return (
    <main
      className="canvas" onPointerMove={onPointerMove} onFocus={(event) => holdFocus(idOf(event.target))} onBlur={() => holdFocus(undefined)}
      aria-label={TEXT.regions.canvas} onDoubleClick={onDoubleClick} onDragOver={(event) => event.preventDefault()} onDrop={onDrop}
    >
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange}
        onConnect={onConnect} onConnectStart={onConnectStart} onConnectEnd={onConnectEnd} isValidConnection={isValidConnection}
        onNodeDragStart={beginGesture} onNodeDragStop={endGesture} onSelectionDragStart={beginGesture} onSelectionDragStop={endGesture}
        onNodeContextMenu={(event, node) => {
          if (node.type !== 'card') return;
          event.preventDefault();
          setState({ menu: { node: node.id, x: event.clientX, y: event.clientY } });
        }}
        onMoveStart={onMoveStart} onMoveEnd={() => showMoving(false)} minZoom={MIN_ZOOM} maxZoom={2} zoomOnDoubleClick={false} deleteKeyCode={null} connectionRadius={22}
        selectionKeyCode="Shift" multiSelectionKeyCode={['Control', 'Meta', 'Shift']} elevateNodesOnSelect={false} edgesFocusable={false}
        connectionLineStyle={{ stroke: 'var(--accent)', strokeWidth: 2 }} proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1.6} color="var(--dots)" bgColor="var(--background)" />
        <FarLayer />
      </ReactFlow>
      <Overview />
      <CanvasTools />
      <Breadcrumb />
      {!ready && <Starting />}
      {ready && isEmpty && <EmptyCanvas />}
    </main>
  );
}
