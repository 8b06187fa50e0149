import { lazy, Suspense } from 'react';
import { reportOf } from '../graph/levels';
import type { Problem } from '../graph/problems';
import { requestFit } from '../state/camera';
import { openLevelOf } from '../state/levels';
import { problemView } from '../state/problemView';
import { runTitle, setState, useStore } from '../state/store';
import { isNarrow } from '../state/ui';
import { TEXT } from '../text';
import { Repairs } from './Repairs';

const ReportSection = lazy(() => import('./ReportSection').then((module) => ({ default: module.ReportSection })));

/** Show the card a problem is about, wherever it is. */
export function goTo(problemNode: string): void {
  const node = openLevelOf(problemNode);
  setState({ selection: new Set([node]), linkSelection: new Set(), ...(isNarrow() ? { panelOpen: false } : {}) });
  requestFit([node]);
}

/** A sentence in which what stands between backquotes is to be typed. */
function Sentence({ text }: { text: string }) {
  return text.split('`').map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}

/** The server's own words, which also give the technical names. */
function Detail({ text, summary }: { text: string; summary: string }) {
  return <details><summary>{summary}</summary><pre>{text}</pre></details>;
}

/** One problem: where, what, and what mends it. */
export function ProblemEntry({ problem }: { problem: Problem }) {
  const { node } = problem;
  const where = useStore((s) => (node === null ? TEXT.problems.whole : TEXT.card.label(runTitle(s, node), node)));
  return (
    <div className={problem.isWarning ? 'problem warning' : 'problem'}>
      {node === null ? <strong>{where}</strong> : <button type="button" className="link-button" aria-label={`${TEXT.actions.showNode}: ${where}`} onClick={() => goTo(node)}>{where}</button>}
      <p className="what" title={problem.input}>{problem.isWarning && `${TEXT.problems.warning}: `}{problem.message}</p>
      {problem.todo && <p className="todo"><Sentence text={problem.todo} /></p>}
      <Repairs problem={problem} />
      {problem.detail && problem.detail !== problem.message && <Detail text={problem.detail} summary={TEXT.problems.detail(problem.code)} />}
    </div>
  );
}

/** All problems; choosing one shows its card. Below them, what of the file was not understood. */
export function Problems() {
  const problems = useStore((s) => problemView(s).all);
  const isReported = useStore((s) => (reportOf(s.graph)?.findings.length ?? 0) > 0);
  return (
    <>
      {problems.length === 0 && <p className="quiet padded">{TEXT.problems.none}</p>}
      {problems.length > 0 && <ul className="problems" aria-label={TEXT.tabs.problems}>{problems.map((problem) => <li key={problem.key}><ProblemEntry problem={problem} /></li>)}</ul>}
      {isReported && <Suspense fallback={null}><ReportSection /></Suspense>}
    </>
  );
}
