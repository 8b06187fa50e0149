import { useReactFlow } from '@xyflow/react';
import { useEffect, useRef } from 'react';
import { lassoed } from '../graph/lasso';
import type { Point } from '../graph/model';
import { select } from '../state/arranging';
import { useCanvasUi } from '../state/canvasUi';
import { getState } from '../state/store';
import { boxes } from './flow';

/** A lasso takes a point no more often than this, in pixels. */
const STEP_PX = 4;

/** Corners of the box between two points. */
function corners(from: Point, to: Point): Point[] {
  return [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
}

interface Drawing {
  pointer: number;
  points: Point[];
  isLasso: boolean;
  adds: boolean;
}

function isEmptySpace(target: EventTarget | null): boolean {
  return target instanceof Element && target.classList.contains('react-flow__pane');
}

/** Shift and drag on empty space draws a box around cards; with Alt, or after its button, a lasso. Ctrl adds to the selection. */
export function Marquee() {
  const shape = useRef<SVGPolygonElement>(null);
  const { screenToFlowPosition } = useReactFlow();
  useEffect(() => {
    const canvas = shape.current?.closest<HTMLElement>('.canvas');
    if (!canvas) return undefined;
    let drawing: Drawing | null = null;
    const show = (): void => {
      const origin = canvas.getBoundingClientRect();
      const line = (drawing?.points ?? []).map(({ x, y }) => `${x - origin.left},${y - origin.top}`).join(' ');
      shape.current?.setAttribute('points', line);
    };
    const drop = (): void => {
      drawing = null;
      show();
    };
    const begin = (event: PointerEvent, lasso: boolean): void => {
      const at = { x: event.clientX, y: event.clientY };
      drawing = { pointer: event.pointerId, points: [at], isLasso: lasso || event.altKey, adds: event.ctrlKey || event.metaKey };
      canvas.setPointerCapture(event.pointerId);
      event.stopPropagation();
    };
    const onDown = (event: PointerEvent): void => {
      const { lasso } = useCanvasUi.getState();
      if (drawing || !event.isPrimary) drop(); // two fingers zoom
      else if (event.button !== 0 || !(event.shiftKey || lasso) || !isEmptySpace(event.target)) return;
      else begin(event, lasso);
    };
    const onMove = (event: PointerEvent): void => {
      const [first] = drawing?.points ?? [];
      if (!drawing || !first || event.pointerId !== drawing.pointer) return;
      const at = { x: event.clientX, y: event.clientY };
      const last = drawing.points.at(-1) ?? first;
      if (!drawing.isLasso) drawing.points = corners(first, at);
      else if (Math.hypot(at.x - last.x, at.y - last.y) >= STEP_PX) drawing.points.push(at);
      show();
    };
    const onUp = (): void => {
      if (!drawing) return;
      const { points, adds } = drawing;
      drop();
      useCanvasUi.setState({ lasso: false });
      const caught = lassoed(boxes(getState()), points.map((point) => screenToFlowPosition(point, { snapToGrid: false })));
      select(adds ? [...getState().selection, ...caught] : caught);
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || !drawing) return;
      event.stopPropagation();
      drop();
    };
    // The view must not be dragged meanwhile: React Flow listens for these.
    const hold = (event: Event): void => {
      if (drawing) event.stopPropagation();
    };
    canvas.addEventListener('pointerdown', onDown, true);
    canvas.addEventListener('pointermove', onMove);
    canvas.addEventListener('pointerup', onUp);
    canvas.addEventListener('pointercancel', drop);
    window.addEventListener('blur', drop);
    window.addEventListener('keydown', onKey, true);
    for (const name of ['mousedown', 'touchstart', 'click'] as const) canvas.addEventListener(name, hold, true);
    return () => {
      canvas.removeEventListener('pointerdown', onDown, true);
      canvas.removeEventListener('pointermove', onMove);
      canvas.removeEventListener('pointerup', onUp);
      canvas.removeEventListener('pointercancel', drop);
      window.removeEventListener('blur', drop);
      window.removeEventListener('keydown', onKey, true);
      for (const name of ['mousedown', 'touchstart', 'click'] as const) canvas.removeEventListener(name, hold, true);
    };
  }, [screenToFlowPosition]);
  return <svg className="marquee" aria-hidden="true"><polygon ref={shape} /></svg>;
}
