import { reportOf, rootOf } from '../graph/levels';
import type { Finding, FindingCode } from '../graph/report';
import { replacementFor } from '../graph/repairs';
import { findingSentence } from '../state/files';
import { titleOf, useStore, type State } from '../state/store';
import { TEXT, type Language } from '../text';
import { DE_REPORT } from '../text/de_report';
import { EN_REPORT, type ReportWords } from '../text/en_report';
import { goTo } from './Problems';
import { Replace } from './Repairs';

const WORDS: Readonly<Record<Language, ReportWords>> = { en: EN_REPORT, de: DE_REPORT };

/** Of one kind no more than this are listed; a file can have thousands. */
const MOST = 30;

/** What could take the place of a node of the file whose type the server does not have. */
function ReplaceUnknown({ node }: { node: string }) {
  const type = useStore((s) => rootOf(s.graph).nodes[node]?.type ?? '');
  const near = useStore((s) => (type in s.schema ? undefined : replacementFor(type, s.schema)));
  return near === undefined ? null : <Replace node={node} type={near} />;
}

/** What a card of the file is called, whichever level of the document is shown; nothing where it is gone. */
function cardLabel({ graph, schema }: State, node: string | null): string | null {
  const root = rootOf(graph);
  return node !== null && node in root.nodes ? TEXT.card.label(titleOf({ graph: root, schema }, node), node) : null;
}

function Item({ finding, words }: { finding: Finding; words: ReportWords }) {
  const { node, code, within } = finding;
  const where = useStore((s) => (within === undefined ? cardLabel(s, node) : null));
  const sentence = findingSentence({ ...finding, node: where === null ? node : null });
  return (
    <li>
      {where !== null && node !== null && <button type="button" className="link-button" aria-label={`${TEXT.actions.showNode}: ${where}`} onClick={() => goTo(node)}>{where}</button>}
      <p>{sentence.charAt(0).toUpperCase() + sentence.slice(1)}{within !== undefined && ` (${words.within(within)})`}</p>
      {code === 'unknown_node' && where !== null && node !== null && <ReplaceUnknown node={node} />}
    </li>
  );
}

function Group({ code, findings, words }: { code: FindingCode; findings: readonly Finding[]; words: ReportWords }) {
  const { title, todo } = words.advice[code];
  return (
    <section className="report-group" aria-label={title}>
      <h3>{title} <span className="count">{findings.length}</span></h3>
      <p className="quiet">{todo}</p>
      <ul>{findings.slice(0, MOST).map((finding, at) => <Item key={at} finding={finding} words={words} />)}</ul>
      {findings.length > MOST && <p className="quiet">{words.more(findings.length - MOST)}</p>}
    </section>
  );
}

/** What of the document's file was not understood, what was done about it, and what there is to do. */
export function ReportSection() {
  const report = useStore((s) => reportOf(s.graph));
  const language = useStore((s) => s.language);
  if (!report || report.findings.length === 0) return null;
  const words = WORDS[language];
  const codes = [...new Set(report.findings.map(({ code }) => code))];
  return (
    <section className="report" aria-label={words.heading}>
      <h2>{words.heading}</h2>
      <p className="quiet">{report.tool === null ? words.from(report.source) : words.made(report.source, report.tool)}</p>
      {codes.map((code) => <Group key={code} code={code} findings={report.findings.filter((finding) => finding.code === code)} words={words} />)}
    </section>
  );
}
