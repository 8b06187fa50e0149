import { useReactFlow } from '@xyflow/react';
import { useEffect } from 'react';
import { attachCamera, canvasResized } from '../state/camera';

export const FIT = { padding: 0.05, maxZoom: 1.1, minZoom: 0.1 };
/** Below this zoom cards are drawn as plain boxes. */
const LEGIBLE = 0.36;
/** What is brought into sight keeps this far from the edge of the canvas, in pixels. */
const EDGE = 16;

/** How far to move so that a stretch lies between two limits; its beginning counts where it is too long. */
function shift(from: number, to: number, low: number, high: number): number {
  if (from < low || to - from > high - low) return low - from;
  return to > high ? high - to : 0;
}

/** Lets the rest of the editor move the view. */
export function useCamera(): void {
  const { fitView, getNodes, screenToFlowPosition, flowToScreenPosition, getViewport, setViewport } = useReactFlow();
  useEffect(() => {
    attachCamera({
      fit: (nodes, legible) => {
        // A fit of nothing would wait for the first card and then take the view away from where the user put it.
        if (getNodes().length === 0) void setViewport({ x: 0, y: 0, zoom: 1 });
        else void fitView({ ...FIT, ...(legible === true ? { minZoom: LEGIBLE } : {}), duration: nodes ? 150 : 0, ...(nodes ? { nodes: nodes.map((id) => ({ id })) } : {}) });
      },
      reveal: ({ x, y, width, height }) => {
        const box = document.querySelector('.react-flow')?.getBoundingClientRect();
        if (!box) return;
        const from = flowToScreenPosition({ x, y });
        const to = flowToScreenPosition({ x: x + width, y: y + height });
        const dx = shift(from.x, to.x, box.left + EDGE, box.right - EDGE);
        const dy = shift(from.y, to.y, box.top + EDGE, box.bottom - EDGE);
        const view = getViewport();
        if (dx !== 0 || dy !== 0) void setViewport({ ...view, x: view.x + dx, y: view.y + dy }, { duration: 150 });
      },
      view: getViewport,
      show: (view) => void setViewport(view),
      centre: () => {
        const box = document.querySelector('.react-flow')?.getBoundingClientRect();
        return screenToFlowPosition(box ? { x: box.x + box.width / 2 - 120, y: box.y + box.height / 3 } : { x: 0, y: 0 });
      },
    });
    const canvas = document.querySelector('.canvas');
    const sizes = new ResizeObserver(canvasResized);
    if (canvas) sizes.observe(canvas);
    return () => {
      sizes.disconnect();
      attachCamera(null);
    };
  }, [fitView, getNodes, screenToFlowPosition, flowToScreenPosition, getViewport, setViewport]);
}
