import { useReactFlow, useStoreApi } from '@xyflow/react';
import { useCallback, useEffect, useRef, type PointerEvent } from 'react';
import { around, type Box } from '../graph/align';
import { viewMoved } from '../state/camera';
import { shownRuns } from '../state/shownRuns';
import { getState, useStore } from '../state/store';
import { TEXT } from '../text';
import { boxes } from './flow';
import { show, styleValues } from './sketch';
import { areaOf, useView } from './useView';

const WIDTH = 200;
const HEIGHT = 120;
const PAD = 6;
const REST_MS = 120;

interface Scale {
  zoom: number;
  x: number;
  y: number;
}

/** How the graph is laid over the overview. */
function scaleFor(bounds: Box): Scale {
  const zoom = Math.min((WIDTH - 2 * PAD) / Math.max(bounds.width, 1), (HEIGHT - 2 * PAD) / Math.max(bounds.height, 1));
  return { zoom, x: (WIDTH - bounds.width * zoom) / 2 - bounds.x * zoom, y: (HEIGHT - bounds.height * zoom) / 2 - bounds.y * zoom };
}

function drawCards(canvas: HTMLCanvasElement): Scale {
  const state = getState();
  const cards = boxes(state);
  const bounds = around(cards.map(([, box]) => box)) ?? { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const scale = scaleFor(bounds);
  const ratio = window.devicePixelRatio;
  const sheet = new OffscreenCanvas(WIDTH * ratio, HEIGHT * ratio);
  const context = sheet.getContext('2d');
  if (!context) return scale;
  const color = styleValues();
  context.setTransform(scale.zoom * ratio, 0, 0, scale.zoom * ratio, scale.x * ratio, scale.y * ratio);
  context.fillStyle = color('var(--map-frame)');
  for (const { position, size } of state.graph.groups) context.fillRect(position.x, position.y, size.width, size.height);
  const least = 2 / scale.zoom;
  const runs = shownRuns(state);
  for (const [id, { x, y, width, height }] of cards) {
    const run = runs[id]?.state;
    context.fillStyle = color(
      run === 'failed' ? 'var(--bad)' : run === 'running' ? 'var(--running)' : state.selection.has(id) ? 'var(--accent)' : 'var(--map-card)');
    context.fillRect(x, y, Math.max(width, least), Math.max(height, least));
  }
  show(canvas, sheet);
  return scale;
}

/** The whole graph, small, with what is seen of it marked; press or drag to look elsewhere. */
export function Overview() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const mark = useRef<HTMLDivElement>(null);
  const scale = useRef<Scale>({ zoom: 1, x: 0, y: 0 });
  const { setViewport, getZoom } = useReactFlow();
  const flow = useStoreApi();

  const moveMark = useCallback((view: Box): void => {
    const { zoom, x, y } = scale.current;
    if (!mark.current) return;
    mark.current.style.transform = `translate(${view.x * zoom + x}px, ${view.y * zoom + y}px)`;
    mark.current.style.width = `${view.width * zoom}px`;
    mark.current.style.height = `${view.height * zoom}px`;
  }, []);
  useView(moveMark);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const renew = (): void => {
      timer = undefined;
      if (canvas.current) scale.current = drawCards(canvas.current);
      moveMark(areaOf(flow.getState()));
    };
    renew();
    const stop = useStore.subscribe((state, before) => {
      const { graph, selection, runs, schema, theme, gesture } = state;
      const isSame = graph === before.graph && selection === before.selection && runs === before.runs && schema === before.schema && theme === before.theme;
      // Drawn anew at most once in a while, and not within a gesture: nobody watches the overview then.
      if (!isSame || gesture !== before.gesture) timer ??= setTimeout(renew, gesture ? REST_MS * 8 : REST_MS * 4);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [flow, moveMark]);

  const onPointer = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.buttons !== 1) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const box = event.currentTarget.getBoundingClientRect();
    const { width, height } = flow.getState();
    const at = { x: (event.clientX - box.left - scale.current.x) / scale.current.zoom, y: (event.clientY - box.top - scale.current.y) / scale.current.zoom };
    const zoom = getZoom();
    viewMoved();
    void setViewport({ x: width / 2 - at.x * zoom, y: height / 2 - at.y * zoom, zoom });
  };
  return (
    <div className="overview" role="img" aria-label={TEXT.regions.minimap} onPointerDown={onPointer} onPointerMove={onPointer}>
      <canvas ref={canvas} style={{ width: WIDTH, height: HEIGHT }} />
      <div className="seen" ref={mark} />
    </div>
  );
}
