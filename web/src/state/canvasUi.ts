/** How the canvas is used now, apart from any document. */
import { create } from 'zustand';
import type { Point } from '../graph/model';

/** A link being made by keyboard or by taps: where it begins. */
export interface OpenLink {
  node: string;
  side: 'in' | 'out';
  key: string;
}

interface CanvasUi {
  /** The next drag on empty space draws a lasso. */
  lasso: boolean;
  /** The group whose title is being edited. */
  renaming: number | null;
  openLink: OpenLink | null;
  /** The link that the card being dragged would go into. */
  under: string | null;
  /** Where the pointer was last over the canvas, in graph coordinates. */
  pointer: Point | null;
}

export const useCanvasUi = create<CanvasUi>()(() => ({
  lasso: false, renaming: null, openLink: null, under: null, pointer: null,
}));
