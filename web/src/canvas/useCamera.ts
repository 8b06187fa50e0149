import { getViewportForBounds, useReactFlow, useStoreApi } from '@xyflow/react';
import { useEffect } from 'react';
import { around } from '../graph/align';
import { nodeCount } from '../graph/model';
import { CROWD } from '../graph/window';
import { attachCamera, canvasResized, settleView } from '../state/camera';
import { getState } from '../state/store';
import { boxes } from './flow';
import { cardOf } from './focus';
import { isBusy } from './usePointerEnd';

/** Room around what is fitted into the view; below stand the tools. */
const PADDING = { x: '28px', top: '28px', bottom: '72px' } as const;
const MAX_ZOOM = 1.1;
export const MIN_ZOOM = 0.02;
/** Below this zoom cards are drawn as plain boxes. */
const LEGIBLE = 0.36;
/** What is brought into sight keeps this far from the edge of the canvas, in pixels. */
const EDGE = 16;

/** How far to move so that a stretch lies between two limits; its beginning counts where it is too long. */
function shift(from: number, to: number, low: number, high: number): number {
  if (from < low || to - from > high - low) return low - from;
  return to > high ? high - to : 0;
}

/** The field of a card that has the cursor: where an on-screen keyboard takes half of the page, it must stay in sight. */
function typedInto(): Element | undefined {
  const field = document.activeElement;
  return cardOf(field) && field?.matches('input, textarea') ? field : undefined;
}

/** Lets the rest of the editor move the view. */
export function useCamera(): void {
  const { screenToFlowPosition, flowToScreenPosition, getViewport, setViewport } = useReactFlow();
  const flow = useStoreApi();
  useEffect(() => {
    const reveal = ({ left, top, right, bottom }: Pick<DOMRect, 'left' | 'top' | 'right' | 'bottom'>): void => {
      const box = document.querySelector('.react-flow')?.getBoundingClientRect();
      if (!box) return;
      const dx = shift(left, right, box.left + EDGE, box.right - EDGE);
      const dy = shift(top, bottom, box.top + EDGE, box.bottom - EDGE);
      const view = getViewport();
      if (dx !== 0 || dy !== 0) void setViewport({ ...view, x: view.x + dx, y: view.y + dy }, { duration: 150 }).then(settleView);
    };
    attachCamera({
      fit: (nodes, legible) => {
        // By the graph itself: React Flow knows only the cards near the view.
        const wanted = nodes && new Set(nodes);
        const bounds = around(boxes(getState()).flatMap(([id, box]) => (!wanted || wanted.has(id) ? [box] : [])));
        const { width, height } = flow.getState();
        // Of a crowd no card could be read either way, and most of it would be out of sight.
        const least = legible === true && nodeCount(getState().graph) <= CROWD ? LEGIBLE : MIN_ZOOM;
        const view = bounds ? getViewportForBounds(bounds, width, height, least, MAX_ZOOM, PADDING) : { x: 0, y: 0, zoom: 1 };
        void setViewport(view, { duration: nodes ? 150 : 0 }).then(settleView);
      },
      reveal: ({ x, y, width, height }) => {
        const from = flowToScreenPosition({ x, y });
        const to = flowToScreenPosition({ x: x + width, y: y + height });
        reveal({ left: from.x, top: from.y, right: to.x, bottom: to.y });
      },
      view: getViewport,
      show: (view) => void setViewport(view),
      centre: () => {
        const box = document.querySelector('.react-flow')?.getBoundingClientRect();
        return screenToFlowPosition(box ? { x: box.x + box.width / 2 - 120, y: box.y + box.height / 3 } : { x: 0, y: 0 });
      },
    });
    const canvas = document.querySelector('.canvas');
    const sizes = new ResizeObserver(() => {
      const field = typedInto();
      if (field) reveal(field.getBoundingClientRect());
      else if (!isBusy()) canvasResized();
    });
    if (canvas) sizes.observe(canvas);
    return () => {
      sizes.disconnect();
      attachCamera(null);
    };
  }, [flow, screenToFlowPosition, flowToScreenPosition, getViewport, setViewport]);
}
