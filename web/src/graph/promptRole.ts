/** What a prompt is for in its workflow. */
import { linkIndex, type Graph } from './model';

/** Whether all that reads a node's prompt in the end takes it as what the picture should not show. */
export function isNegativePrompt(graph: Graph, id: string): boolean {
  const { outOf } = linkIndex(graph);
  const seen = new Set([id]);
  let isNegative = false;
  for (const at of seen) {
    for (const { input, target, type } of outOf[at] ?? []) {
      if (input === 'negative') isNegative = true;
      else if (input === 'positive') return false;
      else if (type === 'CONDITIONING') seen.add(target);
    }
  }
  return isNegative;
}
