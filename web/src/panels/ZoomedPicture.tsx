import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { TEXT } from '../text';

const MOST = 16;
const STEP = 1.25;

interface View {
  zoom: number;
  x: number;
  y: number;
}

const WHOLE: View = { zoom: 1, x: 0, y: 0 };

/** The view zoomed about a point, given from the middle; never smaller than the whole picture. */
function zoomed({ zoom, x, y }: View, factor: number, px = 0, py = 0): View {
  const next = Math.min(Math.max(zoom * factor, 1), MOST);
  if (next === 1) return WHOLE;
  const by = next / zoom;
  return { zoom: next, x: px - (px - x) * by, y: py - (py - y) * by };
}

interface ZoomProps {
  src: string;
  alt: string;
  onSize: (size: string) => void;
  onLost: () => void;
}

/** A picture to look at closely: wheel, + and − zoom, dragging moves, 0 shows it whole. */
export function ZoomedPicture({ src, alt, onSize, onLost }: ZoomProps) {
  const [view, setView] = useState(WHOLE);
  const frame = useRef<HTMLDivElement>(null);
  const zoom = (factor: number): void => setView((held) => zoomed(held, factor));
  useEffect(() => {
    const box = frame.current;
    // Not React's onWheel: it may not keep the page from scrolling.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { left, top, width, height } = (event.currentTarget as HTMLElement).getBoundingClientRect();
      setView((held) => zoomed(held, event.deltaY < 0 ? STEP : 1 / STEP, event.clientX - left - width / 2, event.clientY - top - height / 2));
    };
    box?.addEventListener('wheel', onWheel, { passive: false });
    return () => box?.removeEventListener('wheel', onWheel);
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === '+' || event.key === '=') zoom(STEP);
    if (event.key === '-') zoom(1 / STEP);
    if (event.key === '0') setView(WHOLE);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons !== 1 || view.zoom === 1) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setView((held) => ({ ...held, x: held.x + event.movementX, y: held.y + event.movementY }));
  };
  const { actions } = TEXT;
  return (
    <div className="zoomed" ref={frame} onKeyDown={onKeyDown} onPointerMove={onPointerMove} onDoubleClick={() => setView((held) => (held.zoom > 1 ? WHOLE : zoomed(held, 4)))}>
      <img
        src={src} alt={alt} draggable={false} style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`, cursor: view.zoom > 1 ? 'grab' : 'zoom-in' }}
        onLoad={(event) => onSize(`${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight}`)} onError={onLost}
      />
      <div className="zoom-tools">
        <button type="button" className="icon" aria-label={actions.zoomOut} onClick={() => zoom(1 / STEP)}><span aria-hidden="true">−</span></button>
        <button type="button" className="percent" aria-label={TEXT.pictures.whole(Math.round(view.zoom * 100))} onClick={() => setView(WHOLE)}>{Math.round(view.zoom * 100)} %</button>
        <button type="button" className="icon" aria-label={actions.zoomIn} onClick={() => zoom(STEP)}><span aria-hidden="true">+</span></button>
      </div>
    </div>
  );
}
