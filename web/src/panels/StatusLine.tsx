import { decimal } from '../canvas/format';
import { nodeCount } from '../graph/model';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { ModelsInMemory } from './ModelsInMemory';
import { SaveState } from './SaveState';

const GB = 1e9;

function memory(total: number, free: number): [string, string] {
  return [decimal((total - free) / GB, 1), decimal(total / GB, 0)];
}

/** Connection, device, models in memory, and what of the graph is saved where. */
export function StatusLine() {
  const connection = useStore((s) => s.connection);
  const device = useStore((s) => s.devices[0]);
  const count = useStore((s) => nodeCount(s.graph));
  const queued = useStore((s) => s.queueRemaining);
  const me = useStore((s) => s.me);
  return (
    <footer className="status" aria-label={TEXT.regions.status}>
      <span role="status" className={`connection ${connection}`}>{TEXT.connection[connection]}</span>
      {device && <span className="device">{TEXT.status.memory(device.name, ...memory(device.vram_total, device.vram_free))}</span>}
      {device && <ModelsInMemory />}
      {queued > 0 && <span>{TEXT.status.queue(queued)}</span>}
      <span className="spacer" />
      <SaveState />
      <span className="node-count">{TEXT.status.nodes(count)}</span>
      {me && <a href="/login">{TEXT.status.me(me.name, me.role)}</a>}
    </footer>
  );
}
