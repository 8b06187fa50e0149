import { useEffect, useLayoutEffect, useRef, type CSSProperties } from 'react';
import { createPortal } from 'react-dom';
import { TEXT } from '../text';

interface ListProps {
  id: string;
  label: string;
  anchor: Element;
  options: readonly string[];
  /** How many more there are than are shown. */
  more: number;
  at: number;
  value: string;
  pictureOf: ((option: string) => string) | undefined;
  onPoint: (at: number) => void;
  onChoose: (option: string) => void;
  onClose: () => void;
}

const GAP = 4;
const WIDEST = 420;
const TALLEST = 340;

/** Below its field, or above it where there is more room. */
function placeAt(anchor: Element): CSSProperties {
  const box = anchor.getBoundingClientRect();
  const width = Math.min(Math.max(box.width, 260), WIDEST, window.innerWidth - 2 * GAP);
  const left = Math.min(Math.max(box.right - width, GAP), window.innerWidth - width - GAP);
  const [above, below] = [box.top - 2 * GAP, window.innerHeight - box.bottom - 2 * GAP];
  const upward = below < Math.min(TALLEST, 200) && above > below;
  const maxHeight = Math.min(TALLEST, upward ? above : below);
  return upward ? { left, width, maxHeight, bottom: window.innerHeight - box.top + GAP } : { left, width, maxHeight, top: box.bottom + GAP };
}

/** What the list begins with of an option: its folder stands back. */
function Name({ option }: { option: string }) {
  const cut = option.lastIndexOf('/') + 1;
  return <span className="name"><span className="folder">{option.slice(0, cut)}</span>{option.slice(cut)}</span>;
}

/** The options of a combo box, in front of everything. */
export function ComboList({ id, label, anchor, options, more, at, value, pictureOf, onPoint, onChoose, onClose }: ListProps) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    list.current?.querySelector(`[id="${CSS.escape(`${id}-${at}`)}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [id, at]);
  // Whatever moves the field away ends the choice.
  useEffect(() => {
    const onMove = (event: Event): void => {
      if (!(event.target instanceof Node) || !(list.current?.contains(event.target) || anchor.contains(event.target))) onClose();
    };
    const kinds = ['wheel', 'pointerdown', 'resize'] as const;
    for (const kind of kinds) window.addEventListener(kind, onMove, { capture: true, passive: true });
    return () => kinds.forEach((kind) => window.removeEventListener(kind, onMove, { capture: true }));
  }, [anchor, onClose]);
  return createPortal(
    // The field keeps the focus, and the canvas, an ancestor for React, hears of nothing here.
    <div
      ref={list} className="menu choices nowheel" style={placeAt(anchor)} onMouseDown={(event) => event.preventDefault()} onPointerDown={(event) => event.stopPropagation()}
      onClick={(event) => event.stopPropagation()} onContextMenu={(event) => event.stopPropagation()}
    >
      <ul role="listbox" id={id} aria-label={label}>
        {options.map((option, place) => (
          <li
            key={option} id={`${id}-${place}`} role="option" aria-selected={option === value} className={place === at ? 'active' : ''}
            onPointerMove={() => place !== at && onPoint(place)} onClick={() => onChoose(option)}
          >
            {pictureOf && <img src={pictureOf(option)} alt="" loading="lazy" decoding="async" onError={(event) => (event.currentTarget.hidden = true)} />}
            <Name option={option} />
            {option === value && <span aria-hidden="true">✓</span>}
          </li>
        ))}
      </ul>
      {(options.length === 0 || more > 0) && <p className="quiet" role="status">{options.length === 0 ? TEXT.choices.none : TEXT.choices.more(more)}</p>}
    </div>,
    // Within the region of the page that its field is in, for those who go from region to region.
    anchor.closest('main, aside, dialog') ?? document.body,
  );
}
