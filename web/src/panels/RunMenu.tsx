import { DropdownMenu } from 'radix-ui';
import { useHint } from '../commands/hints';
import { setRunOnChange } from '../state/autorun';
import { runSelected, runWorkflow } from '../state/run';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { Icon } from './icons';

/** The ways to run that are not the usual one. */
export function RunMenu() {
  const hasSelection = useStore((s) => s.selection.size > 0);
  const onChange = useStore((s) => s.runOnChange);
  const selected = useHint('runSelected');
  const first = useHint('runFirst');
  const { running } = TEXT;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={onChange ? 'run-options on' : 'run-options'} aria-label={onChange ? `${running.options}: ${running.onChangeIsOn}` : running.options} title={running.options}>
        <Icon name={onChange ? 'retry' : 'chevron'} />
      </DropdownMenu.Trigger>
      {/* Not at the end of the page: there it would be outside every landmark. */}
      <DropdownMenu.Content className="menu popup" align="end" sideOffset={6}>
        <DropdownMenu.Item className="item" disabled={!hasSelection} aria-keyshortcuts={selected.aria} onSelect={() => void runSelected()}>
          <span>{running.selected}</span><kbd aria-hidden="true">{selected.hint}</kbd>
        </DropdownMenu.Item>
        <DropdownMenu.Item className="item" aria-keyshortcuts={first.aria} onSelect={() => void runWorkflow({ front: true })}>
          <span>{running.front}</span><kbd aria-hidden="true">{first.hint}</kbd>
        </DropdownMenu.Item>
        <DropdownMenu.CheckboxItem className="item" checked={onChange} onCheckedChange={setRunOnChange}>
          <span>{running.onChange}</span><DropdownMenu.ItemIndicator aria-hidden="true">✓</DropdownMenu.ItemIndicator>
        </DropdownMenu.CheckboxItem>
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}
