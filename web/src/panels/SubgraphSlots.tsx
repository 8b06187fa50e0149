import type { SlotRecord } from '../graph/model';
import { slotsOf, type Side } from '../graph/subgraphSlots';
import { addOwnSlot, moveOwnSlot, removeOwnSlot, renameOwnSlot } from '../state/levels';
import { useStore } from '../state/store';
import { TEXT } from '../text';

function Slot({ side, slot, at, count }: { side: Side; slot: SlotRecord; at: number; count: number }) {
  const { subgraph, actions } = TEXT;
  const id = slot.id ?? '';
  return (
    <li className="own-slot">
      <input
        key={slot.name} aria-label={subgraph.slotName(slot.name)} defaultValue={slot.name} onBlur={(event) => renameOwnSlot(side, id, event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      />
      <span className="quiet mono">{slot.type}</span>
      <button type="button" className="icon small" aria-label={subgraph.up(slot.name)} disabled={at === 0} onClick={() => moveOwnSlot(side, id, at - 1)}>↑</button>
      <button type="button" className="icon small" aria-label={subgraph.down(slot.name)} disabled={at === count - 1} onClick={() => moveOwnSlot(side, id, at + 1)}>↓</button>
      <button type="button" className="icon small" aria-label={`${actions.remove}: ${slot.name}`} onClick={() => removeOwnSlot(side, id)}>×</button>
    </li>
  );
}

function Side({ side }: { side: Side }) {
  const slots = useStore((s) => slotsOf(s.graph, side));
  const { subgraph } = TEXT;
  const title = side === 'in' ? subgraph.inputs : subgraph.outputs;
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ul>{slots.map((slot, at) => <Slot key={slot.id} side={side} slot={slot} at={at} count={slots.length} />)}</ul>
      <button type="button" className="row" onClick={() => addOwnSlot(side)}>{side === 'in' ? subgraph.addInput : subgraph.addOutput}</button>
    </section>
  );
}

/** The inputs and outputs of the open subgraph: named, ordered, added and removed. */
export function SubgraphSlots() {
  return (
    <div className="inspector own-slots">
      <Side side="in" />
      <Side side="out" />
      <p className="quiet">{TEXT.subgraph.hint}</p>
    </div>
  );
}
