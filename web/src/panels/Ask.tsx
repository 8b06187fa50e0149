import { useEffect, useRef } from 'react';
import { useStore } from '../state/store';

/** The question under way, as a dialog that keeps everything else back. */
export function Ask() {
  const question = useStore((s) => s.question);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (question) dialog.current?.showModal();
    else dialog.current?.close();
  }, [question]);
  return (
    <dialog
      ref={dialog} className="ask" role="alertdialog" aria-label={question?.title} aria-describedby="ask-text" onClose={() => question?.answer(null)}
      onKeyDown={(event) => event.stopPropagation()}
    >
      {question && (
        <>
          <h2>{question.title}</h2>
          <p id="ask-text">{question.text}</p>
          <div className="ask-choices">
            {question.choices.map(({ value, label, kind }) => (
              <button type="button" key={value} className={kind ?? ''} autoFocus={kind === 'primary'} onClick={() => question.answer(value)}>{label}</button>
            ))}
          </div>
        </>
      )}
    </dialog>
  );
}
