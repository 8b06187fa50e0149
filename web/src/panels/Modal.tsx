import { useLayoutEffect, useRef, type ReactNode } from 'react';
import { isNarrow } from '../state/ui';

interface ModalProps {
  label: string;
  className: string;
  role?: 'alertdialog';
  describedBy?: string;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog that keeps the rest of the page back while it is there; Escape and a click beside it close it. */
export function Modal({ label, className, role, describedBy, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // The layout effect's end comes before the element goes, so that closing gives the focus back.
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Browsers may choose what only a click can focus, such as the box around a search.
    const { activeElement } = document;
    const isNoStop = activeElement instanceof HTMLElement && activeElement.tabIndex < 0;
    // On a phone the keyboard would cover what one came to see.
    shown?.querySelector<HTMLElement>(isNoStop ? 'input' : isNarrow() ? 'none' : '[data-first]')?.focus();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog} role={role} className={`modal ${className}`} aria-label={label} aria-describedby={describedBy} onClose={onClose} onKeyDown={(event) => event.stopPropagation()}
      onPointerDown={(event) => event.target === event.currentTarget && onClose()}
    >
      <div className="modal-body">{children}</div>
    </dialog>
  );
}
