import { connected } from '../state/start';
import { useStore } from '../state/store';
import { TEXT } from '../text';

/** Stands in for the graph until the server has told its nodes: what is waited for, and what to do. */
export function Starting() {
  const connection = useStore((s) => s.connection);
  const failed = useStore((s) => s.schemaState === 'failed');
  const { starting } = TEXT;
  const waiting = connection === 'connected' ? [starting.loading, starting.loadingHint] : [starting.connecting, starting.connectingHint];
  const [title, hint] = failed && connection === 'connected' ? [starting.failed, ''] : waiting;
  return (
    <section className="starting" role="status" aria-live="polite">
      <strong>{title}</strong>
      {hint && <p className="quiet">{hint}</p>}
      {hint === '' && <button type="button" className="primary" onClick={() => void connected()}>{starting.again}</button>}
    </section>
  );
}
