import { useEffect } from 'react';
import { setState, useStore } from '../state/store';

const SHOWN_MS = 4000;
const SHOWN_BAD_MS = 9000;

/** A sentence at the upper edge that goes by itself. */
export function Toast() {
  const note = useStore((s) => s.note);
  useEffect(() => {
    if (!note) return undefined;
    const timer = setTimeout(() => setState({ note: null }), note.bad ? SHOWN_BAD_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [note]);
  return <div className="toasts" role="log" aria-live="polite">{note && <div className={note.bad ? 'toast bad' : 'toast'}><span>{note.text}</span></div>}</div>;
}
