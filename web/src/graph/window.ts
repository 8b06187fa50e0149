/** Which cards are drawn as elements of the page; what is left out is drawn on one canvas, or not seen at all. */
import type { Box } from './align';

/** With more cards than this in sight none can be read, and elements would only cost time. */
export const CROWD = 220;
/** Parts of the view beyond its edges within which cards are made ready before they come into sight, and are kept. */
const AHEAD = 0.35;
const KEPT = 1;

export interface Choice {
  ids: ReadonlySet<string>;
  /** More cards are due than may be added at once. */
  more: boolean;
  crowded: boolean;
}

/** Whether two areas share a point. */
export function meets(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** An area with a part of its size added on each side. */
export function grown({ x, y, width, height }: Box, part: number): Box {
  return { x: x - width * part, y: y - height * part, width: width * (1 + 2 * part), height: height * (1 + 2 * part) };
}

/** The cards to draw as elements: those in sight, those near it that are drawn already, and `always`; at most `budget` new ones. */
export function chooseCards(
  boxes: Iterable<readonly [string, Box]>, view: Box, now: ReadonlySet<string>, always: ReadonlySet<string>, budget: number,
): Choice {
  const [near, far] = [grown(view, AHEAD), grown(view, KEPT)];
  const ids = new Set<string>();
  const seen: string[] = [];
  const ahead: string[] = [];
  let inSight = 0;
  for (const [id, box] of boxes) {
    if (always.has(id)) ids.add(id);
    if (!meets(box, far)) continue;
    const isSeen = meets(box, view);
    if (isSeen) inSight += 1;
    if (now.has(id)) ids.add(id);
    else if (isSeen) seen.push(id);
    else if (meets(box, near)) ahead.push(id);
  }
  if (inSight > CROWD) return { ids: new Set([...ids].filter((id) => always.has(id))), more: false, crowded: true };
  const due = [...seen, ...ahead.slice(0, Math.max(0, CROWD - inSight))];
  for (const id of due.slice(0, budget)) ids.add(id);
  return { ids, more: due.length > budget, crowded: false };
}

/** The card at a point, the one in front where there are several. */
export function cardAt(boxes: Iterable<readonly [string, Box]>, x: number, y: number): string | undefined {
  let hit: string | undefined;
  for (const [id, box] of boxes) {
    if (x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height) hit = id;
  }
  return hit;
}
