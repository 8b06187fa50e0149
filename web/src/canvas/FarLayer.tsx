import { useStoreApi, ViewportPortal } from '@xyflow/react';
import { useCallback, useEffect, useRef } from 'react';
import type { Box } from '../graph/align';
import { grown } from '../graph/window';
import { useStore, type State } from '../state/store';
import { useMounted } from './mounting';
import { sketch, show, styleValues } from './sketch';
import { areaOf, useView } from './useView';

/** Parts of the view that are drawn beyond its edges, so that a pan needs no new drawing at once; less than cards are made ready ahead. */
const MARGIN = 0.3;
/** How long the view or the runs must rest before a drawing that is merely out of date is renewed. */
const REST_MS = 250;
const RUNS_REST_MS = 1000;
const LARGEST_PX = 4096;

interface Drawing {
  area: Box;
  zoom: number;
}

function covers(outer: Box, inner: Box): boolean {
  return outer.x <= inner.x && outer.y <= inner.y && outer.x + outer.width >= inner.x + inner.width
    && outer.y + outer.height >= inner.y + inner.height;
}

/** Whether something that is drawn here has changed. */
function looksDifferent(state: State, before: State): boolean {
  return state.graph !== before.graph || state.selection !== before.selection || state.theme !== before.theme || state.schema !== before.schema;
}

function draw(canvas: HTMLCanvasElement, view: Box, zoom: number): Drawing {
  const area = grown(view, MARGIN);
  const scale = Math.min(zoom * window.devicePixelRatio, LARGEST_PX / area.width, LARGEST_PX / area.height);
  const { ids } = useMounted.getState();
  const sheet = new OffscreenCanvas(Math.round(area.width * scale), Math.round(area.height * scale));
  canvas.style.transform = `translate(${area.x}px, ${area.y}px)`;
  canvas.style.width = `${area.width}px`;
  canvas.style.height = `${area.height}px`;
  const context = sheet.getContext('2d');
  if (!context) return { area, zoom };
  context.setTransform(scale, 0, 0, scale, -area.x * scale, -area.y * scale);
  const { cards, links } = sketch({ context, zoom, area, color: styleValues() }, (id) => ids.has(id));
  // Shown, it would be a layer of its own below all cards, and keep them from being drawn as one.
  canvas.hidden = cards + links === 0;
  if (!canvas.hidden) show(canvas, sheet);
  canvas.dataset['drawn'] = String(cards);
  return { area, zoom };
}

/** What of the graph is in sight, or nearly, without being elements: boxes and curves on one canvas behind the cards. */
export function FarLayer() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef<Drawing>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const flow = useStoreApi();

  const renew = useCallback((): void => {
    clearTimeout(timer.current);
    timer.current = undefined;
    const { width, transform } = flow.getState();
    if (canvas.current && width > 0) drawing.current = draw(canvas.current, areaOf(flow.getState()), transform[2]);
  }, [flow]);
  const renewSoon = useCallback((wait = REST_MS): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(renew, wait);
  }, [renew]);

  useView(useCallback((view: Box, zoom: number): void => {
    const held = drawing.current;
    if (!held || !covers(held.area, view)) renew();
    else if (held.zoom !== zoom) renewSoon();
  }, [renew, renewSoon]));
  useEffect(() => {
    const stops = [
      useStore.subscribe((state, before) => {
        if (state.runs !== before.runs && useMounted.getState().crowded && timer.current === undefined) renewSoon(RUNS_REST_MS);
        if (!looksDifferent(state, before)) return;
        // While cards are dragged they are elements, and what is drawn here stays.
        if (state.gesture && state.selection === before.selection) renewSoon();
        else renew();
      }),
      useMounted.subscribe(() => renewSoon()),
    ];
    return () => stops.forEach((stop) => stop());
  }, [renew, renewSoon]);
  return <ViewportPortal><canvas ref={canvas} className="far-layer" aria-hidden="true" /></ViewportPortal>;
}
