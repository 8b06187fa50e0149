/** Moving the view from outside the canvas. */
import type { GraphNode, Point, Size } from '../graph/model';
import type { View } from './store';

export interface Camera {
  /** Show the whole graph or some nodes; `legible` rather leaves some out than make cards too small to read. */
  fit: (nodes?: readonly string[], legible?: boolean) => void;
  /** Move the view just so far that an area lies within it. */
  reveal: (area: Point & Size) => void;
  /** Where the view is, and to put it there. */
  view: () => View;
  show: (view: View) => void;
  /** Graph coordinates of the middle of the canvas. */
  centre: () => Point;
}

const cameras: { current: Camera | null; fitWanted: boolean; fitted: boolean } = { current: null, fitWanted: false, fitted: false };

/** The canvas says how to move its view; a fit asked for before is made now. */
export function attachCamera(camera: Camera | null): void {
  cameras.current = camera;
  if (camera && cameras.fitWanted) requestFit();
}

/** Show the whole graph, or some nodes, once they are drawn. */
export function requestFit(nodes?: readonly string[]): void {
  cameras.fitWanted = cameras.current === null;
  cameras.fitted = nodes === undefined;
  requestAnimationFrame(() => cameras.current?.fit(nodes));
}

/** Where the view is now. */
export function viewNow(): View | null {
  return cameras.current?.view() ?? null;
}

/** Look at a document from where it was left. */
export function restoreView(view: View): void {
  cameras.fitted = false;
  cameras.current?.show(view);
}

/** The view has come to rest: on whole pixels, where text is sharp and a pan need not blend what it moves. */
export function settleView(): void {
  const view = viewNow();
  if (!view) return;
  const whole = (at: number): number => Math.round(at * window.devicePixelRatio) / window.devicePixelRatio;
  const [x, y] = [whole(view.x), whole(view.y)];
  if (x !== view.x || y !== view.y) cameras.current?.show({ ...view, x, y });
}

/** Bring a card into sight. */
export function revealNode(node: GraphNode | undefined): void {
  if (node) cameras.current?.reveal({ ...node.position, ...node.size });
}

/** The middle of what is seen. */
export function viewCentre(): Point {
  return cameras.current?.centre() ?? { x: 0, y: 0 };
}

/** The user moved the view: it is theirs from now on. */
export function viewMoved(): void {
  cameras.fitted = false;
}

/** The canvas changed its size: a view that showed the whole graph goes on doing so. */
export function canvasResized(): void {
  if (cameras.fitted) requestAnimationFrame(() => cameras.current?.fit(undefined, true));
}
