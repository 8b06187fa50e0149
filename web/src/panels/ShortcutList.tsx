import { useState, type KeyboardEvent } from 'react';
import { chordOf, conflicts, shownChord } from '../commands/chords';
import { COMMANDS, keysOf, type Command, type CommandId } from '../commands/registry';
import { resetKeys, setKeys } from '../state/preferences';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { IconButton } from './icons';

/** Waits for the next key press and takes it as the command's combination. */
function Recorder({ command, onDone }: { command: Command; onDone: () => void }) {
  const name = TEXT.commands[command.id];
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Tab') return;
    event.preventDefault();
    event.stopPropagation();
    const chord = chordOf(event.nativeEvent);
    if (chord === undefined) return;
    if (chord !== 'Escape') setKeys(command.id, [chord]);
    onDone();
  };
  return <button type="button" className="recorder" autoFocus aria-label={TEXT.settings.press(name)} onKeyDown={onKeyDown} onBlur={onDone}>{TEXT.settings.pressShort}</button>;
}

interface RowProps {
  command: Command;
  recording: boolean;
  onRecord: (id: CommandId | null) => void;
  clash: string;
}

function Row({ command, recording, onRecord, clash }: RowProps) {
  const keys = useStore((s) => keysOf(command, s.keys));
  const isChanged = useStore((s) => command.id in s.keys);
  const { settings, commands } = TEXT;
  const name = commands[command.id];
  const shown = keys.map((chord) => shownChord(chord, TEXT.keys)).join(', ') || settings.noKeys;
  return (
    <li>
      <span className="name">{name}{clash !== '' && <span className="clash" role="alert">{settings.clash(clash)}</span>}</span>
      {recording ? <Recorder command={command} onDone={() => onRecord(null)} /> : (
        <button type="button" className="keys" aria-label={settings.change(name, shown)} onClick={() => onRecord(command.id)}><kbd>{shown}</kbd></button>
      )}
      <IconButton icon="undo" label={settings.resetOne(name)} className="small" disabled={!isChanged} onClick={() => setKeys(command.id, undefined)} />
    </li>
  );
}

/** Every command with its keys, which can be changed. */
export function ShortcutList() {
  const [recording, setRecording] = useState<CommandId | null>(null);
  const chosen = useStore((s) => s.keys);
  const clashes = conflicts(Object.fromEntries(COMMANDS.map((command) => [command.id, keysOf(command, chosen)])));
  const clashOf = (id: CommandId): string => {
    const ids = Object.values(clashes).filter((holders) => holders.includes(id)).flat();
    return COMMANDS.filter((command) => command.id !== id && ids.includes(command.id)).map((command) => TEXT.commands[command.id]).join(', ');
  };
  return (
    <>
      <ul className="shortcut-list" aria-label={TEXT.actions.shortcuts}>
        {COMMANDS.map((command) => <Row key={command.id} command={command} recording={recording === command.id} onRecord={setRecording} clash={clashOf(command.id)} />)}
      </ul>
      <button type="button" onClick={resetKeys}>{TEXT.settings.resetAll}</button>
      <h3>{TEXT.settings.fixed}</h3>
      <dl>{TEXT.shortcuts.map(([keys, what]) => <div key={keys}><dt><kbd>{keys}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </>
  );
}
