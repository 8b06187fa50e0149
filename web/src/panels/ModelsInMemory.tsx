import { Popover } from 'radix-ui';
import { useMemo } from 'react';
import { formatSize } from '../canvas/format';
import { filesInMemory, shortName, type LoadedFile } from '../graph/memory';
import { unloadModels } from '../state/machine';
import { useStore } from '../state/store';
import { TEXT } from '../text';

function LoadedRow({ file: { name, parts, bytes, totalBytes } }: { file: LoadedFile }) {
  const { memory } = TEXT;
  const words = memory.parts as Readonly<Record<string, string>>;
  return (
    <li>
      <span className="mono">{name}</span>
      <span className="quiet">{parts.map((part) => words[part] ?? part).join(', ')} · {bytes < totalBytes ? memory.partly(formatSize(bytes), formatSize(totalBytes)) : formatSize(bytes)}</span>
    </li>
  );
}

/** Which models the server holds ready, and a way to have it let go of them. */
export function ModelsInMemory() {
  const loaded = useStore((s) => s.loaded);
  const mayFree = useStore((s) => s.me === undefined || s.me.role === 'admin');
  const files = useMemo(() => filesInMemory(loaded), [loaded]);
  const { memory } = TEXT;
  const [first, ...others] = files;
  if (!first) return <span className="models">{memory.none}</span>;
  const size = formatSize(files.reduce((sum, { bytes }) => sum + bytes, 0));
  return (
    <Popover.Root>
      <Popover.Trigger className="models status-button">{memory.short(shortName(first.name), others.length, size)}</Popover.Trigger>
      {/* Not at the end of the page: there it would be outside every landmark. */}
      <Popover.Content className="menu popup models-list" side="top" align="start" sideOffset={6} collisionPadding={8} aria-label={memory.title}>
        <h2>{memory.title}</h2>
        <ul>{files.map((file) => <LoadedRow key={file.name} file={file} />)}</ul>
        <p className="quiet">{memory.hint}</p>
        {mayFree && <Popover.Close className="free" onClick={() => void unloadModels()}>{memory.free}</Popover.Close>}
      </Popover.Content>
    </Popover.Root>
  );
}
