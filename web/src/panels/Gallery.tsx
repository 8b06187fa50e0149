import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { thumbnailUrl } from '../api/client';
import { visibleRows } from '../graph/rows';
import { pictures, toggleMarked, type Picture } from '../state/gallery';
import { setState, useStore } from '../state/store';
import { TEXT } from '../text';
import { LoadMore } from './LoadMore';
import { ServedPicture } from './ServedPicture';

const CELL_PX = 140;
const GAP_PX = 8;
const PAD_PX = 12;

interface Room {
  columns: number;
  cell: number;
  top: number;
  height: number;
}

/** How many pictures fit side by side, and which part of the list is in sight. */
function useRoom(list: HTMLElement | null): Room {
  const [room, setRoom] = useState<Room>({ columns: 2, cell: CELL_PX, top: 0, height: 900 });
  useEffect(() => {
    const frame = list?.closest<HTMLElement>('.side-body');
    if (!list || !frame) return undefined;
    const measure = (): void => {
      const inner = list.clientWidth - 2 * PAD_PX;
      const columns = Math.max(Math.floor((inner + GAP_PX) / (CELL_PX + GAP_PX)), 1);
      setRoom({ columns, cell: (inner + GAP_PX) / columns - GAP_PX, top: frame.scrollTop - list.offsetTop, height: frame.clientHeight });
    };
    const watcher = new ResizeObserver(measure);
    watcher.observe(list);
    watcher.observe(frame);
    frame.addEventListener('scroll', measure, { passive: true });
    return () => {
      watcher.disconnect();
      frame.removeEventListener('scroll', measure);
    };
  }, [list]);
  return room;
}

interface CellProps {
  picture: Picture;
  isEntry: boolean;
  /** Its place among all, of which only those in sight are elements. */
  at: number;
  count: number;
  style: { left: number; top: number; width: number; height: number };
  onKey: (event: KeyboardEvent) => void;
  onFocus: () => void;
}

function Cell({ picture, isEntry, at, count, style, onKey, onFocus }: CellProps) {
  const isMarked = useStore((s) => s.marked.includes(picture.key));
  const { filename } = picture.image;
  return (
    <li style={style} aria-posinset={at + 1} aria-setsize={count} className={isMarked ? 'marked' : ''}>
      <button
        type="button" className="bare open" data-key={picture.key} tabIndex={isEntry ? 0 : -1} aria-label={TEXT.gallery.picture(filename)}
        onClick={() => setState({ shown: picture.key })} onKeyDown={onKey} onFocus={onFocus}
      >
        <ServedPicture src={thumbnailUrl(picture.image)} alt={filename} lazy />
      </button>
      <button type="button" className="mark" tabIndex={isEntry ? 0 : -1} aria-pressed={isMarked} aria-label={TEXT.pictures.mark(filename)} title={TEXT.pictures.mark(filename)} onClick={() => toggleMarked(picture.key)}>
        <span aria-hidden="true">{isMarked ? '✓' : ''}</span>
      </button>
    </li>
  );
}

function stepOf(key: string, columns: number, count: number): number {
  const steps: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -count, End: count };
  return steps[key] ?? 0;
}

/** Finished pictures, newest first. Only those in sight are elements, so that thousands scroll as smoothly as ten. */
export function Gallery() {
  const list = useStore(pictures);
  const marked = useStore((s) => s.marked);
  const [box, setBox] = useState<HTMLElement | null>(null);
  const [entry, setEntry] = useState(0);
  const wanted = useRef<string | null>(null);
  const { columns, cell, top, height } = useRoom(box);
  const row = cell + GAP_PX;
  const { from, to } = visibleRows(Math.ceil(list.length / columns), row, top, height);
  useEffect(() => {
    if (wanted.current === null) return;
    const target = [...(box?.querySelectorAll<HTMLElement>('[data-key]') ?? [])].find((element) => element.dataset['key'] === wanted.current);
    target?.focus();
    if (target) wanted.current = null;
  });
  if (list.length === 0) return <p className="quiet padded">{TEXT.gallery.empty}</p>;
  const move = (event: KeyboardEvent, at: number): void => {
    const picture = list[at];
    if (event.key === 'm' && picture) toggleMarked(picture.key);
    const step = stepOf(event.key, columns, list.length);
    if (step === 0) return;
    event.preventDefault();
    const next = Math.min(Math.max(at + step, 0), list.length - 1);
    wanted.current = list[next]?.key ?? null;
    setEntry(next);
    const frame = box?.closest('.side-body');
    const y = Math.floor(next / columns) * row;
    if (box && frame) frame.scrollTop = Math.min(Math.max(frame.scrollTop, box.offsetTop + y + row - frame.clientHeight), box.offsetTop + y);
  };
  const shown = list.slice(from * columns, to * columns);
  const entryShown = entry >= from * columns && entry < to * columns ? entry : from * columns;
  return (
    <>
      <p className="quiet hint">{TEXT.pictures.hint}</p>
      {marked.length === 2 && (
        <div className="compare-bar">
          <button type="button" className="primary" onClick={() => setState({ shown: marked[0] ?? null, compared: marked[1] ?? null })}>{TEXT.pictures.compareMarked}</button>
          <button type="button" onClick={() => setState({ marked: [] })}>{TEXT.pictures.unmark}</button>
        </div>
      )}
      <ul className="gallery" aria-label={TEXT.tabs.gallery} ref={setBox} style={{ height: Math.ceil(list.length / columns) * row }}>
        {shown.map((picture, offset) => {
          const at = from * columns + offset;
          const style = { left: PAD_PX + (at % columns) * row, top: Math.floor(at / columns) * row, width: cell, height: cell };
          return <Cell key={picture.key} picture={picture} isEntry={at === entryShown} at={at} count={list.length} style={style} onKey={(event) => move(event, at)} onFocus={() => setEntry(at)} />;
        })}
      </ul>
      <LoadMore />
    </>
  );
}
