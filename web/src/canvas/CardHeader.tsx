import { useState, type KeyboardEvent } from 'react';
import type { GraphNode } from '../graph/model';
import type { NodeSpec } from '../graph/schema';
import { editNode } from '../state/edits';
import { shownRuns } from '../state/shownRuns';
import { setState, useStore } from '../state/store';
import { showTab } from '../state/ui';
import { TEXT } from '../text';

interface HeaderProps {
  node: GraphNode;
  spec: NodeSpec | undefined;
  /** What its last run said that did not stop it. */
  warning: string | undefined;
}

/** The sign that a node has something to say; opens the list where it stands in full. */
function WarningSign({ node, card, message }: { node: string; card: string; message: string }) {
  return (
    <button
      type="button" className="nodrag icon small warning" title={message} aria-label={TEXT.card.warning(card, message)}
      onClick={() => {
        setState({ selection: new Set([node]), linkSelection: new Set() });
        showTab('problems');
      }}
    >
      ⚠
    </button>
  );
}

/** How far a running node is. It alone, and the footer, follow each step: the card is not drawn again. */
function StepBar({ node, title }: { node: string; title: string }) {
  const percent = useStore((s) => {
    const run = shownRuns(s)[node];
    return run?.state === 'running' && run.max > 1 ? (100 * run.value) / run.max : undefined;
  });
  if (percent === undefined) return null;
  return (
    <div className="bar" role="progressbar" aria-label={title} aria-valuenow={Math.round(percent)} aria-valuemin={0} aria-valuemax={100}>
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

/** Title, menu and progress of a card; double-click renames. */
export function CardHeader({ node, spec, warning }: HeaderProps) {
  const [editing, setEditing] = useState(false);
  const title = node.title || (spec?.title ?? node.type);
  const finish = (text: string): void => {
    setEditing(false);
    const next = text.trim() === spec?.title ? '' : text.trim();
    if (next !== node.title) editNode(node.id, { title: next });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    event.stopPropagation();
    if (event.key === 'Enter' && !event.nativeEvent.isComposing) finish(event.currentTarget.value);
    if (event.key === 'Escape') setEditing(false);
  };
  return (
    <div className="card-header" title={TEXT.inspector.node(node.type, node.id)} onDoubleClick={() => !spec?.isSubgraph && !spec?.isVirtual && setEditing(true)}>
      {editing ? (
        <input
          className="nodrag" autoFocus aria-label={TEXT.fields.title} defaultValue={title} onKeyDown={onKeyDown}
          onBlur={(event) => finish(event.currentTarget.value)} onFocus={(event) => event.currentTarget.select()}
        />
      ) : (
        <span className="card-title">{title}</span>
      )}
      {warning !== undefined && <WarningSign node={node.id} card={TEXT.card.label(title, node.id)} message={warning} />}
      <button
        type="button" className="nodrag icon small" aria-label={TEXT.fields.menu(TEXT.card.label(title, node.id))} aria-haspopup="menu"
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setState({ menu: { node: node.id, x: box.left, y: box.bottom + 4 } });
        }}
      >
        ⋯
      </button>
      <StepBar node={node.id} title={title} />
    </div>
  );
}
