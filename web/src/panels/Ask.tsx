import { useState } from 'react';
import type { Question } from '../state/ask';
import { useStore } from '../state/store';
import { Modal } from './Modal';

function Form({ question }: { question: Question }) {
  const { title, text, field, choices, answer } = question;
  const [typed, setTyped] = useState(field?.initial ?? '');
  const main = choices.find(({ kind }) => kind === 'primary')?.value ?? null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        answer(main, typed);
      }}
    >
      <h2>{title}</h2>
      <p id="ask-text">{text}</p>
      {field && <input autoFocus aria-label={field.label} value={typed} spellCheck={false} onFocus={(event) => event.currentTarget.select()} onChange={(event) => setTyped(event.currentTarget.value)} />}
      <div className="ask-choices">
        {choices.map(({ value, label, kind }) => (
          <button type={kind === 'primary' ? 'submit' : 'button'} key={value} className={kind ?? ''} autoFocus={kind === 'primary' && !field} onClick={() => kind !== 'primary' && answer(value, typed)}>{label}</button>
        ))}
      </div>
    </form>
  );
}

/** The question under way, as a dialog that keeps everything else back. */
export function Ask() {
  const question = useStore((s) => s.question);
  return question && <Modal key={question.title} role="alertdialog" className="ask" label={question.title} describedBy="ask-text" onClose={() => question.answer(null, '')}><Form question={question} /></Modal>;
}
