import { Component, type ReactNode } from 'react';
import { TEXT } from '../text';

/** Shows what went wrong in the page itself, in place of an empty page. */
export class Fault extends Component<{ children: ReactNode }, { message: string | null }> {
  override state: { message: string | null } = { message: null };

  static getDerivedStateFromError(error: unknown): { message: string } {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { message } = this.state;
    if (message === null) return this.props.children;
    return (
      <div className="fault" role="alert">
        <h2>{TEXT.fault.title}</h2>
        <p>{TEXT.fault.what}</p>
        <pre>{message}</pre>
        <button type="button" className="primary" onClick={() => location.reload()}>{TEXT.fault.reload}</button>
      </div>
    );
  }
}
