import { useEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent } from 'react';
import { searchSpecs } from '../graph/search';
import { categoryColor } from '../canvas/colors';
import { place } from '../state/edits';
import { setState, useStore, type PaletteRequest } from '../state/store';
import { TEXT } from '../text';

/** Results shown at once; the search narrows the rest. */
const SHOWN = 60;

function close(): void {
  setState({ palette: null });
}

function Results({ request }: { request: PaletteRequest }) {
  const schema = useStore((s) => s.schema);
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const found = useMemo(() => searchSpecs(schema, query, request.end).slice(0, SHOWN), [schema, query, request.end]);
  const active = Math.min(at, found.length - 1);
  useEffect(() => {
    // Braces: newer browsers return a promise here, which React would take for a clean-up function.
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((active + step + found.length) % Math.max(found.length, 1));
    }
    const spec = found[active];
    if (event.key === 'Enter' && spec) {
      event.preventDefault();
      place(spec, request);
    }
    if (event.key === 'Escape') close();
    event.stopPropagation();
  };
  return (
    <>
      <input
        autoFocus type="search" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
        aria-activedescendant={found[active] ? `palette-${found[active].type}` : undefined} aria-label={TEXT.fields.search}
        placeholder={request.end ? TEXT.palette.fits(request.end.type) : TEXT.fields.search} value={query} onKeyDown={onKeyDown}
        onChange={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
      />
      {found.length === 0 && <p className="quiet">{TEXT.palette.none}</p>}
      <ul id="palette-list" role="listbox" aria-label={TEXT.palette.title} ref={list}>
        {found.map((spec, index) => (
          <li
            key={spec.type} id={`palette-${spec.type}`} role="option" aria-selected={index === active}
            style={{ '--stripe': categoryColor(spec.category) } as CSSProperties}
            onPointerMove={() => setAt(index)} onClick={() => place(spec, request)}
          >
            <span className="swatch" aria-hidden="true" />
            <span className="name">{spec.title}</span>
            <span className="type" aria-hidden="true">{spec.title === spec.type ? spec.category.replaceAll('/', ' › ') : spec.type}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Search for a node to add; opened by double-click, Ctrl + K, the + button or a link dropped on empty space. */
export function Palette() {
  const request = useStore((s) => s.palette);
  if (!request) return null;
  return (
    <div className="backdrop" onPointerDown={(event) => event.target === event.currentTarget && close()}>
      <div className="palette" role="dialog" aria-modal="true" aria-label={TEXT.palette.title}><Results request={request} /></div>
    </div>
  );
}
