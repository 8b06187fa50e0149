/** The line of a link, as the canvas draws it. */
import type { Box } from './align';
import type { CardLayout } from './geometry';
import type { Graph, Link, Point } from './model';

/** How far a link that runs backwards swings out. */
const CURVATURE = 0.32;
/** Points looked at along a link. */
const SAMPLES = 24;

export interface Curve {
  from: Point;
  /** The two control points of the Bézier curve. */
  out: Point;
  into: Point;
  to: Point;
}

function swing(distance: number): number {
  return distance >= 0 ? 0.5 * distance : CURVATURE * 25 * Math.sqrt(-distance);
}

/** The curve between two sockets. */
export function curveBetween(from: Point, to: Point): Curve {
  const reach = swing(to.x - from.x);
  return { from, out: { x: from.x + reach, y: from.y }, into: { x: to.x - reach, y: to.y }, to };
}

/** The curve of a link; undefined where a socket is not there. `layoutOf` gives a card's layout. */
export function curveOf(graph: Graph, link: Link, layoutOf: (id: string) => CardLayout | undefined): Curve | undefined {
  const [source, target] = [graph.nodes[link.source], graph.nodes[link.target]];
  const [left, right] = [layoutOf(link.source), layoutOf(link.target)];
  if (!source || !target || !left || !right) return undefined;
  const start = left.outputs[link.sourceSlot];
  const end = right.inputs.find((socket) => socket.key === link.input);
  return curveBetween(
    { x: source.position.x + left.width, y: source.position.y + (start?.y ?? left.height / 2) },
    { x: target.position.x, y: target.position.y + (end?.y ?? right.height / 2) },
  );
}

/** The curve as the `d` of an SVG path. */
export function pathOf({ from, out, into, to }: Curve): string {
  return `M${from.x},${from.y} C${out.x},${out.y} ${into.x},${into.y} ${to.x},${to.y}`;
}

/** The point at a part (0 to 1) of a curve. */
export function pointOn({ from, out, into, to }: Curve, t: number): Point {
  const s = 1 - t;
  const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return { x: a * from.x + b * out.x + c * into.x + d * to.x, y: a * from.y + b * out.y + c * into.y + d * to.y };
}

/** How near a curve comes to a point. */
export function distanceTo(curve: Curve, at: Point): number {
  let least = Infinity;
  for (let i = 0; i <= SAMPLES; i++) {
    const point = pointOn(curve, i / SAMPLES);
    least = Math.min(least, Math.hypot(point.x - at.x, point.y - at.y));
  }
  return least;
}

/** The area a curve stays within. */
export function boundsOf({ from, out, into, to }: Curve): Box {
  const [left, right] = [Math.min(from.x, into.x), Math.max(to.x, out.x)];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  return { x: left, y: top, width: right - left, height: bottom - top };
}
