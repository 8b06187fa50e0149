import { useCallback, useRef } from 'react';
import { GRID, type Box } from '../graph/align';
import { useView } from './useView';

/** Dots closer than this on the screen would be a grey haze: every second one is left out. */
const LEAST_GAP_PX = 12;
/** The layer reaches this far beyond the canvas, so that it can be moved by one gap in any direction. */
const MARGIN_PX = 2 * GRID;

/** The grid's dots behind everything: one layer that a pan moves and only a zoom paints anew. */
export function Dots() {
  const layer = useRef<HTMLDivElement>(null);
  useView(useCallback(({ x, y }: Box, zoom: number): void => {
    if (!layer.current) return;
    let gap = GRID * zoom;
    while (gap < LEAST_GAP_PX) gap *= 2;
    // A dot is drawn in the middle of each tile, and belongs on a point of the grid.
    const shift = (at: number): number => Math.round((((MARGIN_PX - at * zoom - gap / 2) % gap) + gap) % gap);
    layer.current.style.transform = `translate(${shift(x)}px, ${shift(y)}px)`;
    layer.current.style.backgroundSize = `${gap}px ${gap}px`;
  }, []));
  return <div className="dots" ref={layer} aria-hidden="true" style={{ inset: -MARGIN_PX }} />;
}
