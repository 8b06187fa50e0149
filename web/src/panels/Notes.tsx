import { useEffect, useRef } from 'react';
import { setState, useStore } from '../state/store';
import { TEXT } from '../text';
import { IconButton } from './icons';

const SHOWN_MS = 4000;
const SHOWN_BAD_MS = 9000;

/** A sentence at the lower edge that goes by itself. */
export function Toast() {
  const note = useStore((s) => s.note);
  useEffect(() => {
    if (!note) return undefined;
    const timer = setTimeout(() => setState({ note: null }), note.bad ? SHOWN_BAD_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [note]);
  return <div className="toasts" role="log" aria-live="polite">{note && <div className={note.bad ? 'toast bad' : 'toast'}><span>{note.text}</span></div>}</div>;
}

/** The list of keyboard shortcuts. */
export function Shortcuts() {
  const open = useStore((s) => s.shortcuts);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="shortcuts" aria-label={TEXT.actions.shortcuts} onClose={() => setState({ shortcuts: false })}>
      <div className="drawer-head"><h2>{TEXT.actions.shortcuts}</h2><IconButton icon="close" label={TEXT.actions.close} onClick={() => setState({ shortcuts: false })} /></div>
      <dl>{TEXT.shortcuts.map(([keys, what]) => <div key={keys}><dt><kbd>{keys}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </dialog>
  );
}
