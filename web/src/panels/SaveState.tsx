import { clockTime, formatAgo } from '../canvas/format';
import { useKept } from '../state/kept';
import { isDirty, useStore, type State } from '../state/store';
import { useNow } from '../state/useNow';
import { TEXT } from '../text';

const TICK_MS = 10_000;

/** When the server's copy of the open document was saved; undefined where it has none, or another content. */
function savedMsOf({ file, workflows }: State): number | undefined {
  return workflows.find(({ name, etag }) => name === file?.name && etag === file.etag)?.modified_ms;
}

/** What of the open document is saved where, and when. */
export function SaveState() {
  const dirty = useStore(isDirty);
  const name = useStore((s) => s.file?.name);
  const savedMs = useStore(savedMsOf);
  const keptAt = useKept((s) => s.at);
  const now = useNow(savedMs !== undefined, TICK_MS);
  const { saved } = TEXT;
  const onServer = savedMs === undefined ? saved.known : saved.ago(formatAgo(now - savedMs));
  const where = name === undefined ? saved.nowhere : saved.where(name, savedMs === undefined ? '' : clockTime(savedMs));
  if (!dirty) return <span className="save-state" title={where}>{name === undefined ? saved.untouched : onServer}</span>;
  if (keptAt === null) return <span className="save-state unkept" title={where}>{saved.unkept}</span>;
  const title = keptAt === 0 ? where : `${where} ${saved.keptAt(clockTime(keptAt))}`;
  return <span className="save-state" title={title}>{name === undefined ? saved.kept : `${onServer} · ${saved.since}`}</span>;
}
