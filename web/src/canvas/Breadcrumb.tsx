import { pathOf } from '../graph/levels';
import { goBack, goBackTo, renameGraph } from '../state/levels';
import { useStore } from '../state/store';
import { TEXT } from '../text';

/** The name of the open subgraph, to be changed in place. */
function OpenName({ id, name }: { id: string; name: string }) {
  return (
    <input
      key={name} aria-label={TEXT.subgraph.name} defaultValue={name} spellCheck={false} size={Math.min(Math.max(name.length, 6), 28)}
      onBlur={(event) => renameGraph(id, event.currentTarget.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Escape') event.currentTarget.value = name;
        if (event.key === 'Escape' || event.key === 'Enter') event.currentTarget.blur();
      }}
    />
  );
}

/** Where one is within subgraphs, and the way back. */
export function Breadcrumb() {
  const graph = useStore((s) => s.graph);
  const document = useStore((s) => s.name);
  const path = pathOf(graph);
  const names = path.map(({ subgraph }) => graph.subgraphs[subgraph]?.name ?? subgraph);
  const open = path.at(-1);
  if (!open) return null;
  return (
    <nav className="breadcrumb" aria-label={TEXT.subgraph.path}>
      <button type="button" className="back" title={TEXT.subgraph.back} aria-label={TEXT.subgraph.back} onClick={() => goBack()}>←</button>
      <ol>
        {[document, ...names.slice(0, -1)].map((name, depth) => (
          <li key={`${depth}/${name}`}><button type="button" onClick={() => goBackTo(depth)}>{name}</button></li>
        ))}
        <li aria-current="page"><OpenName id={open.subgraph} name={names.at(-1) ?? ''} /></li>
      </ol>
    </nav>
  );
}
