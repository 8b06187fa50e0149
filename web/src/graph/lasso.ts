/** Selecting by a line drawn around cards. */
import type { Box } from './align';
import type { Point } from './model';

/** Whether a point lies in a polygon, by the number of edges a ray from it crosses (Shimrat 1962). */
export function isInside({ x, y }: Point, polygon: readonly Point[]): boolean {
  let inside = false;
  let before = polygon.at(-1);
  for (const point of polygon) {
    if (before && point.y > y !== before.y > y) {
      const crossing = point.x + ((y - point.y) / (before.y - point.y)) * (before.x - point.x);
      if (x < crossing) inside = !inside;
    }
    before = point;
  }
  return inside;
}

/** Ids of the boxes whose middle the line runs around. */
export function lassoed(boxes: Iterable<readonly [string, Box]>, polygon: readonly Point[]): Set<string> {
  const caught = new Set<string>();
  for (const [id, { x, y, width, height }] of boxes) {
    if (isInside({ x: x + width / 2, y: y + height / 2 }, polygon)) caught.add(id);
  }
  return caught;
}
