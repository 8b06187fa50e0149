import { Background, BackgroundVariant, MiniMap, ReactFlow, useReactFlow } from '@xyflow/react';
import { useMemo, type DragEvent, type MouseEvent } from 'react';
import { viewMoved } from '../state/camera';
import { beginGesture, endGesture, placeType } from '../state/edits';
import { openFile } from '../state/files';
import { setState, useStore } from '../state/store';
import { uploadOnCard } from '../state/upload';
import { TEXT } from '../text';
import { CanvasTools } from './CanvasTools';
import { EmptyCanvas } from './EmptyCanvas';
import { flowEdges, flowNodes, type FlowNode } from './flow';
import { FrameCard } from './FrameCard';
import { LinkEdge } from './LinkEdge';
import { NodeCard } from './NodeCard';
import { Starting } from './Starting';
import { FIT, useCamera } from './useCamera';
import { isValidConnection, onConnect, onConnectStart, useConnectEnd } from './useConnecting';
import { onEdgesChange, onNodesChange } from './useChanges';

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

function stripe(node: FlowNode): string {
  return node.type === 'frame' ? 'var(--map-frame)' : node.selected === true ? 'var(--accent)' : 'var(--map-card)';
}

/** The canvas: cards, links, zoom and overview. */
export function Editor() {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const selection = useStore((s) => s.selection);
  const linkSelection = useStore((s) => s.linkSelection);
  const live = useStore((s) => s.live);
  const ready = useStore((s) => s.schemaState === 'ready');
  const nodes = useMemo(() => flowNodes(graph, schema, selection, live), [graph, schema, selection, live]);
  const edges = useMemo(() => flowEdges(graph, linkSelection), [graph, linkSelection]);
  const { screenToFlowPosition } = useReactFlow();
  const onConnectEnd = useConnectEnd();
  useCamera();

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
  return (
    <main className="canvas" aria-label={TEXT.regions.canvas} onDoubleClick={onDoubleClick} onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange}
        onConnect={onConnect} onConnectStart={onConnectStart} onConnectEnd={onConnectEnd} isValidConnection={isValidConnection}
        onNodeDragStart={beginGesture} onNodeDragStop={endGesture} onSelectionDragStart={beginGesture} onSelectionDragStop={endGesture}
        onNodeContextMenu={(event, node) => {
          if (node.type !== 'card') return;
          event.preventDefault();
          setState({ menu: { node: node.id, x: event.clientX, y: event.clientY } });
        }}
        onMoveStart={onMoveStart} onMoveEnd={() => showMoving(false)} onlyRenderVisibleElements minZoom={0.1} maxZoom={2} zoomOnDoubleClick={false} deleteKeyCode={null} connectionRadius={22}
        selectionKeyCode="Shift" multiSelectionKeyCode={['Control', 'Meta', 'Shift']} elevateNodesOnSelect={false} fitViewOptions={FIT}
        connectionLineStyle={{ stroke: 'var(--accent)', strokeWidth: 2 }} proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1.6} color="var(--dots)" bgColor="var(--background)" />
        <MiniMap<FlowNode> ariaLabel={TEXT.regions.minimap} pannable zoomable nodeColor={stripe} nodeBorderRadius={6} maskColor="var(--map-mask)" bgColor="var(--panel)" />
      </ReactFlow>
      <CanvasTools />
      {!ready && <Starting />}
      {ready && nodes.length === 0 && <EmptyCanvas />}
    </main>
  );
}
