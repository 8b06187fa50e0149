import { Component, type ErrorInfo, type ReactNode } from 'react';
import { FaultPage } from './FaultPage';

interface FaultState {
  error: unknown;
  /** Which components were being drawn. */
  where: string;
  failed: boolean;
}

const WORKS: FaultState = { error: undefined, where: '', failed: false };

/** Shows what went wrong in the page itself, in place of an empty page. */
export class Fault extends Component<{ children: ReactNode }, FaultState> {
  override state: FaultState = WORKS;

  static getDerivedStateFromError(error: unknown): Partial<FaultState> {
    return { error, failed: true };
  }

  override componentDidCatch(_error: unknown, { componentStack }: ErrorInfo): void {
    this.setState({ where: componentStack ?? '' });
  }

  override render(): ReactNode {
    const { error, where, failed } = this.state;
    return failed ? <FaultPage error={error} where={where} onGoOn={() => this.setState(WORKS)} /> : this.props.children;
  }
}
