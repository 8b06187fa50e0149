import { useCallback, useEffect, useRef, useState } from 'react';
import { invertMask } from '../graph/maskPixels';

const COLOR: readonly [number, number, number] = [255, 64, 96];
const MOST_UNDO = 24;

export interface Stroke {
  size: number;
  erases: boolean;
}

export interface MaskCanvas {
  canvas: React.RefObject<HTMLCanvasElement | null>;
  size: { width: number; height: number } | null;
  canUndo: boolean;
  /** Before a stroke: what undo comes back to. */
  keep: () => void;
  line: (from: [number, number], to: [number, number], stroke: Stroke) => void;
  undo: () => void;
  invert: () => void;
  clear: () => void;
  /** The mask as a picture that is transparent where it is painted. */
  result: () => Promise<Blob | null>;
}

/** A canvas as large as a picture, holding what is painted over it; it starts with the picture's own transparency. */
export function useMaskCanvas(src: string): MaskCanvas {
  const canvas = useRef<HTMLCanvasElement>(null);
  const past = useRef<ImageData[]>([]);
  const [size, setSize] = useState<MaskCanvas['size']>(null);
  const [undoable, setUndoable] = useState(0);
  const brush = useCallback(() => canvas.current?.getContext('2d', { willReadFrequently: true }) ?? null, []);
  const read = useCallback(() => {
    const held = canvas.current;
    return held && held.width > 0 ? (brush()?.getImageData(0, 0, held.width, held.height) ?? null) : null;
  }, [brush]);

  useEffect(() => {
    const picture = new Image();
    picture.onload = () => {
      const held = canvas.current;
      if (!held) return;
      held.width = picture.naturalWidth;
      held.height = picture.naturalHeight;
      brush()?.drawImage(picture, 0, 0);
      const pixels = read();
      if (!pixels) return;
      invertMask(pixels.data, COLOR); // what is transparent in the picture is what is painted
      brush()?.putImageData(pixels, 0, 0);
      setSize({ width: held.width, height: held.height });
    };
    picture.src = src;
  }, [src, brush, read]);

  const keep = (): void => {
    const pixels = read();
    if (!pixels) return;
    past.current = [...past.current, pixels].slice(-MOST_UNDO);
    setUndoable(past.current.length);
  };
  const line: MaskCanvas['line'] = (from, to, stroke) => {
    const context = brush();
    if (!context) return;
    context.globalCompositeOperation = stroke.erases ? 'destination-out' : 'source-over';
    context.strokeStyle = `rgb(${COLOR.join(' ')})`;
    context.lineWidth = stroke.size;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
  };
  const change = (edit: (pixels: ImageData) => void): void => {
    keep();
    const pixels = read();
    if (!pixels) return;
    edit(pixels);
    brush()?.putImageData(pixels, 0, 0);
  };
  const undo = (): void => {
    const last = past.current.pop();
    if (last) brush()?.putImageData(last, 0, 0);
    setUndoable(past.current.length);
  };
  const result = async (): Promise<Blob | null> => {
    const pixels = read();
    if (!pixels) return null;
    invertMask(pixels.data, [0, 0, 0]);
    const out = new OffscreenCanvas(pixels.width, pixels.height);
    out.getContext('2d')?.putImageData(pixels, 0, 0);
    return out.convertToBlob({ type: 'image/png' });
  };
  return {
    canvas, size, canUndo: undoable > 0, keep, line, undo, result,
    invert: () => change((pixels) => invertMask(pixels.data, COLOR)), clear: () => change((pixels) => pixels.data.fill(0)),
  };
}
