import { useState } from 'react';
import { clockTime } from '../canvas/format';
import { leaveActive } from '../state/closing';
import { downloadEditorForm } from '../state/download';
import { useKept } from '../state/kept';
import { TEXT } from '../text';

interface FaultProps {
  error: unknown;
  where: string;
  onGoOn: () => void;
}

/** What somebody needs who is to find the fault. No prompts and no files. */
function detailsOf(error: unknown, where: string): string {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [what, where.trim(), navigator.userAgent, new Date().toISOString()].filter(Boolean).join('\n\n');
}

function Details({ text }: { text: string }) {
  const [said, setSaid] = useState('');
  const { fault } = TEXT;
  const copy = (): void => {
    // Over plain HTTP from another machine there is no clipboard.
    const clipboard = navigator.clipboard as Clipboard | undefined;
    (clipboard?.writeText(text) ?? Promise.reject(new TypeError('no clipboard'))).then(() => setSaid(fault.copied), () => setSaid(fault.notCopied));
  };
  return (
    <details>
      <summary>{fault.details}</summary>
      <div className="fault-buttons"><button type="button" onClick={copy}>{fault.copy}</button><span role="status">{said}</span></div>
      <pre tabIndex={0} aria-label={fault.details}>{text}</pre>
    </details>
  );
}

/** What happened, whether work is lost, and how to go on. */
export function FaultPage({ error, where, onGoOn }: FaultProps) {
  const keptAt = useKept((s) => s.at);
  const { fault } = TEXT;
  const safe = keptAt === null ? fault.unkept : keptAt === 0 ? fault.atRest : fault.kept(clockTime(keptAt));
  const goOn = (): void => {
    downloadEditorForm();
    leaveActive();
    onGoOn();
  };
  return (
    <main className="fault" aria-labelledby="fault-title">
      <div role="alert">
        <h1 id="fault-title">{fault.title}</h1>
        <p>{fault.what}</p>
        <p className={keptAt === null ? 'unkept' : ''}>{safe}</p>
      </div>
      <div className="fault-buttons">
        <button type="button" className="primary" autoFocus onClick={() => location.reload()}>{fault.reload}</button>
        <button type="button" onClick={downloadEditorForm}>{fault.download}</button>
      </div>
      <p className="quiet">{fault.again}</p>
      <button type="button" onClick={goOn}>{fault.without}</button>
      <Details text={detailsOf(error, where)} />
    </main>
  );
}
