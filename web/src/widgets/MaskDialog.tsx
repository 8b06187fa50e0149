import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { Modal } from '../panels/Modal';
import { setState } from '../state/store';
import { saveMask } from '../state/upload';
import { TEXT } from '../text';
import { useMaskCanvas } from './useMaskCanvas';

interface MaskProps {
  node: string;
  input: string;
  name: string;
  src: string;
}

const ARROWS: Readonly<Record<string, [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function close(): void {
  setState({ painting: null });
}

/** Paint what a model is to draw anew. By keyboard: arrow keys move the brush, space puts it down. */
export function MaskDialog({ node, input, name, src }: MaskProps) {
  const mask = useMaskCanvas(src);
  const [chosen, setBrush] = useState<number | null>(null);
  const [erases, setErases] = useState(false);
  const [zoom, setZoom] = useState(1);
  const [cursor, setCursor] = useState<[number, number] | null>(null);
  const [busy, setBusy] = useState(false);
  const last = useRef<[number, number] | null>(null);
  const { mask: words } = TEXT;
  // A tenth of the picture, until another is chosen.
  const brush = chosen ?? Math.min(Math.max(Math.round((mask.size?.width ?? 0) / 10), 4), 400);
  const stroke = { size: brush, erases };

  const placeOf = (event: PointerEvent<HTMLCanvasElement>): [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    const { width, height } = event.currentTarget;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  const onPointerDown = (event: PointerEvent<HTMLCanvasElement>): void => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    mask.keep();
    last.current = placeOf(event);
    mask.line(last.current, last.current, stroke);
  };
  const onPointerMove = (event: PointerEvent<HTMLCanvasElement>): void => {
    const place = placeOf(event);
    setCursor(place);
    if (!last.current) return;
    mask.line(last.current, place, stroke);
    last.current = place;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const way = ARROWS[event.key];
    const at = cursor ?? [(mask.size?.width ?? 0) / 2, (mask.size?.height ?? 0) / 2];
    if (way) setCursor([at[0] + (way[0] * brush) / 2, at[1] + (way[1] * brush) / 2]);
    else if (event.key === ' ') {
      mask.keep();
      mask.line(at, at, stroke);
      setCursor(at);
    } else if (event.key === 'z' && (event.ctrlKey || event.metaKey)) mask.undo();
    else return;
    event.preventDefault();
  };
  const save = async (): Promise<void> => {
    setBusy(true);
    const blob = await mask.result();
    if (blob && (await saveMask(node, input, name, blob))) close();
    setBusy(false);
  };
  const { size } = mask;
  const percent = (value: number, all: number | undefined): string => `${(100 * value) / (all ?? 1)}%`;
  return (
    <Modal label={words.title(name)} className="mask-dialog" onClose={close}>
      <div className="mask-tools" role="toolbar" aria-label={words.tools}>
        <button type="button" aria-pressed={!erases} onClick={() => setErases(false)}>{words.brush}</button>
        <button type="button" aria-pressed={erases} onClick={() => setErases(true)}>{words.eraser}</button>
        <label>{words.size}<input type="range" min={2} max={400} value={brush} aria-label={words.size} onChange={(event) => setBrush(Number(event.currentTarget.value))} /></label>
        <label>{words.zoom}<input type="range" min={1} max={6} step={0.25} value={zoom} aria-label={words.zoom} onChange={(event) => setZoom(Number(event.currentTarget.value))} /></label>
        <button type="button" onClick={mask.invert}>{words.invert}</button>
        <button type="button" onClick={mask.clear}>{words.clear}</button>
        <button type="button" disabled={!mask.canUndo} onClick={mask.undo}>{TEXT.actions.undo}</button>
      </div>
      <div className="mask-frame">
        <div className="mask-picture" style={{ width: `${zoom * 100}%`, aspectRatio: size ? `${size.width} / ${size.height}` : undefined, maxWidth: zoom === 1 && size ? `calc(62dvh * ${size.width / size.height})` : undefined }}>
          <img src={src} alt={name} draggable={false} />
          <canvas
            ref={mask.canvas} tabIndex={0} role="img" aria-label={words.canvas} onPointerDown={onPointerDown} onPointerMove={onPointerMove}
            onPointerUp={() => (last.current = null)} onPointerLeave={() => last.current ?? setCursor(null)} onKeyDown={onKeyDown}
          />
          {cursor && <span className="mask-cursor" aria-hidden="true" style={{ left: percent(cursor[0], size?.width), top: percent(cursor[1], size?.height), width: percent(brush, size?.width) }} />}
        </div>
      </div>
      <div className="viewer-bar">
        <span className="name">{words.hint}</span>
        <button type="button" onClick={close}>{TEXT.actions.close}</button>
        <button type="button" className="primary" disabled={!size || busy} onClick={() => void save()}>{words.save}</button>
      </div>
    </Modal>
  );
}
