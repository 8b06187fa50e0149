import type { GraphNode } from '../graph/model';
import type { Problem } from '../graph/problems';
import { specOf } from '../graph/virtual';
import { shownRuns } from '../state/shownRuns';
import { getState, useStore, type NodeRun } from '../state/store';
import { useNow } from '../state/useNow';
import { TEXT } from '../text';
import { formatTime } from './format';
import { whyWords } from './why';

const TICK_MS = 500;

function stepWords({ value, max, firstStepAt, stepAt }: NodeRun): string {
  const words = [TEXT.card.step(value, max)];
  if (value > 1) {
    const each = (stepAt - firstStepAt) / (value - 1);
    words.push(TEXT.card.each(formatTime(each)), TEXT.card.left(formatTime(each * (max - value))));
  }
  return words.join(' · ');
}

function clockWords(ms: number): string {
  return ms < TICK_MS ? TEXT.card.running : `${TEXT.card.running} · ${Math.floor(ms / 1000)} s`;
}

function runWords(run: NodeRun | undefined): string {
  switch (run?.state) {
    case undefined:
      return TEXT.card.ready;
    case 'waiting':
      return TEXT.card.waiting;
    case 'idle':
      return TEXT.running.earlier;
    case 'cached':
      return TEXT.card.cached;
    case 'running':
      return run.max > 1 ? stepWords(run) : clockWords(performance.now() - run.startedAt);
    case 'done':
      return run.elapsedMs > 0 ? formatTime(run.elapsedMs) : TEXT.queue.done;
    case 'failed':
      return TEXT.queue.failed;
  }
}

interface FooterProps {
  node: GraphNode;
  problem: Problem | undefined;
}

/** The bottom line of a card: what it did, does, or why it cannot. */
export function CardFooter({ node, problem }: FooterProps) {
  const run = useStore((s) => shownRuns(s)[node.id]);
  const connected = useStore((s) => s.connection === 'connected');
  const isOpen = run?.state === 'running' || run?.state === 'waiting';
  useNow(run?.state === 'running' && run.max <= 1, TICK_MS);
  if (problem) {
    const words = problem.message.split('\n')[0] ?? '';
    return <div className="card-footer bad" role="alert" title={problem.message}>{words}</div>;
  }
  const words = node.mode === 'muted' ? TEXT.card.muted : node.mode === 'bypassed' ? TEXT.card.bypassed : runWords(run);
  const why = whyWords(run, specOf(getState().schema, node));
  // How far it is meanwhile nobody knows here.
  const shown = isOpen && !connected ? TEXT.running.unheard : words;
  return <div className={`card-footer ${run?.state ?? ''}`} title={why ? `${shown} · ${why}` : shown}>{shown}</div>;
}
