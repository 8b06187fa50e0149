import { ReactFlow, useReactFlow } from '@xyflow/react';
import { useCallback, useEffect, useMemo, useRef, type DragEvent, type MouseEvent, type PointerEvent } from 'react';
import { CardMenu } from '../panels/CardMenu';
import { GRID, type Box } from '../graph/align';
import { nodeCount, type Point } from '../graph/model';
import { cardAt } from '../graph/window';
import { settleView, viewMoved } from '../state/camera';
import { beginGesture, endGesture, placeType } from '../state/edits';
import { dropLink } from '../state/linking';
import { openFiles } from '../state/opening';
import { getState, setState, useStore } from '../state/store';
import { uploadOnCard } from '../state/upload';
import { TEXT } from '../text';
import { Breadcrumb } from './Breadcrumb';
import { Announcer } from './Announcer';
import { CanvasTools } from './CanvasTools';
import { Dots } from './Dots';
import { EmptyCanvas } from './EmptyCanvas';
import { FarLayer } from './FarLayer';
import { boxes, flowLines, flowNodes, groupOf, linksAt } from './flow';
import { FrameCard } from './FrameCard';
import { keepFocus } from './keepFocus';
import { LinkLayer, linkOf } from './LinkLayer';
import { onCanvasKey } from './keys';
import { mark } from './mark';
import { Marquee } from './Marquee';
import { followGraph, holdFocus, hover, lookAt, useMounted } from './mounting';
import { NodeCard } from './NodeCard';
import { Overview } from './Overview';
import { Starting } from './Starting';
import { MIN_ZOOM, useCamera } from './useCamera';
import { isValidConnection, onConnect, onConnectStart, useConnectEnd } from './useConnecting';
import { leaveLinks, onDrag, onDragStart, onDragStop, onNodesChange } from './useChanges';
import { useDeclaredSizes } from './useDeclaredSizes';
import { useLongPress } from './useLongPress';
import { isBusy, usePointerEnd } from './usePointerEnd';
import { useView } from './useView';

const nodeTypes = { card: NodeCard, frame: FrameCard };

function onMoveStart(event: { type: string } | null): void {
  mark('moving', true);
  if (event) viewMoved();
}

/** Only once it moves: a click belongs to what is under the mouse. */
function onMove(event: { type: string } | null): void {
  if (event?.type === 'mousemove') mark('held', true);
}

function onMoveEnd(event: { type: string } | null): void {
  mark('moving', false);
  mark('held', false);
  // Moved by the editor itself, the view settles where that move ends, not where another one cuts it off.
  if (event) settleView();
}

/** What React Flow is given: of a large graph only what is near the view. */
function useFlow() {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const live = useStore((s) => s.live);
  const selection = useStore((s) => s.selection);
  const ids = useMounted((s) => s.ids);
  const scene = useMemo(() => ({ graph, schema, live }), [graph, schema, live]);
  const links = useMemo(() => linksAt(graph, ids), [graph, ids]);
  const nodes = useMemo(() => flowNodes(scene, ids, selection), [scene, ids, selection]);
  const lines = useMemo(() => flowLines(scene, links), [scene, links]);
  return { nodes, lines };
}

/** Keeps the elements in step with the view and the graph. */
function useMounting(): void {
  useView(useCallback((area: Box) => lookAt(area), []));
  useEffect(followGraph, []);
  useEffect(keepFocus, []);
}

/** React Flow's own hints speak of other keys than these cards have. */
const NO_HINTS = { 'node.a11yDescription.default': '', 'edge.a11yDescription.default': '' };
const SNAP: [number, number] = [GRID, GRID];

/** Opens the menu of whatever is at a place: a card, a link, a group, else the canvas. */
function openMenu(target: Element, x: number, y: number, at: Point): void {
  const card = idOf(target);
  const link = linkOf(target);
  const frame = target.closest('.react-flow__node-frame')?.getAttribute('data-id');
  const hit = card ?? cardAt(boxes(getState()), at.x, at.y);
  const group = frame ? groupOf(frame) : undefined;
  if (hit !== undefined) setState({ menu: { node: hit, x, y, at } });
  else setState({ menu: { x, y, at, ...(link ? { link } : {}), ...(group === undefined ? {} : { group }) } });
}

function idOf(target: EventTarget): string | undefined {
  const card = target instanceof Element ? target.closest('.react-flow__node-card') : null;
  return card?.getAttribute('data-id') ?? undefined;
}

/** The canvas: cards, links, zoom and overview. */
export function Editor() {
  const isEmpty = useStore((s) => nodeCount(s.graph) === 0);
  const ready = useStore((s) => s.schemaState === 'ready');
  const { nodes, lines } = useFlow();
  const linkSelection = useStore((s) => s.linkSelection);
  const { screenToFlowPosition } = useReactFlow();
  const onConnectEnd = useConnectEnd();
  useDeclaredSizes();
  useCamera();
  useMounting();
  usePointerEnd();

  const snap = useStore((s) => s.snap);
  const area = useRef<HTMLElement>(null);
  const menuAt = useCallback((target: Element, x: number, y: number): void => {
    openMenu(target, x, y, screenToFlowPosition({ x, y }, { snapToGrid: false }));
  }, [screenToFlowPosition]);
  useLongPress(area, menuAt);

  const onContextMenu = (event: MouseEvent): void => {
    if (!(event.target instanceof Element) || event.target.closest('input, textarea, .canvas-tools, .overview, .empty-canvas')) return;
    event.preventDefault();
    if (!isBusy()) menuAt(event.target, event.clientX, event.clientY);
  };
  // In a crowd the card is drawn, not an element: it becomes one by being chosen.
  const onPaneClick = (event: MouseEvent): void => {
    dropLink();
    leaveLinks(event);
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY }, { snapToGrid: false });
    const hit = cardAt(boxes(getState()), x, y);
    if (hit !== undefined) setState({ selection: new Set([hit]), linkSelection: new Set() });
  };
  const onDoubleClick = (event: MouseEvent): void => {
    if (!(event.target instanceof Element) || !event.target.classList.contains('react-flow__pane')) return;
    setState({ palette: { at: screenToFlowPosition({ x: event.clientX, y: event.clientY }) } });
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    const at = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const files = [...event.dataTransfer.files];
    const type = event.dataTransfer.getData('application/x-node-type');
    const card = event.target instanceof Element ? event.target.closest('.react-flow__node-card') : null;
    const isTaken = files[0] !== undefined && uploadOnCard(card?.getAttribute('data-id'), files[0]);
    if (files.length > 0) void openFiles(isTaken ? files.slice(1) : files, at);
    else if (type) placeType(type, at);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons !== 0 || !useMounted.getState().crowded) return;
    const { x, y } = screenToFlowPosition({ x: event.clientX, y: event.clientY });
    hover(cardAt(boxes(getState()), x, y));
  };
  return (
    <main
      className="canvas" ref={area} onPointerMove={onPointerMove} onContextMenu={onContextMenu} onKeyDownCapture={onCanvasKey}
      onFocus={(event) => holdFocus(idOf(event.target))}
      aria-label={TEXT.regions.canvas} onDoubleClick={onDoubleClick} onDragOver={(event) => event.preventDefault()} onDrop={onDrop}
    >
      <span className="canvas-start" tabIndex={-1} />
      <ReactFlow
        nodes={nodes} nodeTypes={nodeTypes} onNodesChange={onNodesChange} onNodeClick={leaveLinks}
        onConnect={onConnect} onConnectStart={onConnectStart} onConnectEnd={onConnectEnd} isValidConnection={isValidConnection}
        onNodeDragStart={onDragStart} onNodeDrag={onDrag} onNodeDragStop={onDragStop} onSelectionDragStart={beginGesture} onSelectionDragStop={endGesture}
        onPaneClick={onPaneClick}
        snapToGrid={snap} snapGrid={SNAP} disableKeyboardA11y ariaLabelConfig={NO_HINTS} connectOnClick={false}
        onMoveStart={onMoveStart} onMove={onMove} onMoveEnd={onMoveEnd} minZoom={MIN_ZOOM} maxZoom={2} zoomOnDoubleClick={false} deleteKeyCode={null} connectionRadius={22}
        selectionKeyCode={null} multiSelectionKeyCode={['Control', 'Meta', 'Shift']} elevateNodesOnSelect={false}
        connectionLineStyle={{ stroke: 'var(--accent)', strokeWidth: 2 }} proOptions={{ hideAttribution: true }}
      >
        <Dots />
        <FarLayer />
        <LinkLayer lines={lines} selection={linkSelection} />
      </ReactFlow>
      <span className="canvas-end" tabIndex={-1} />
      <Marquee />
      <Overview />
      <CanvasTools />
      <Breadcrumb />
      <Announcer />
      <CardMenu />
      {!ready && <Starting />}
      {ready && isEmpty && <EmptyCanvas />}
    </main>
  );
}
