import { lazy, Suspense, useId, useRef, useState, type KeyboardEvent } from 'react';
import { matchChoices, stepChoice } from '../graph/choices';
import { TEXT } from '../text';
import { keep } from './useTyping';

const ComboList = lazy(() => import('./ComboList').then((module) => ({ default: module.ComboList })));

/** With more than these, one types to find an option. */
export const MOST_SHOWN = 100;

interface ComboProps {
  label: string;
  value: string;
  options: readonly string[];
  missing: boolean;
  /** Address of the small picture of an option, where options are pictures. */
  pictureOf?: (option: string) => string;
  onChoose: (option: string) => void;
}

interface Open {
  typed: string;
  /** Place of the option that Enter takes, among those shown. */
  at: number;
}

/** One of a long list: type to narrow it, arrow keys to move, Enter to take. */
export function Combo({ label, value, options, missing, pictureOf, onChoose }: ComboProps) {
  const [open, setOpen] = useState<Open | null>(null);
  // A tap opens the list; the keyboard of a phone would cover it, and comes with a second tap.
  const [tapped, setTapped] = useState(false);
  const field = useRef<HTMLLabelElement>(null);
  const id = useId();
  const found = open ? matchChoices(options, open.typed) : [];
  const shown = found.slice(0, MOST_SHOWN);
  const show = (): void => setOpen((held) => held ?? { typed: '', at: options.slice(0, MOST_SHOWN).indexOf(value) });
  const close = (): void => {
    setOpen(null);
    setTapped(false);
  };
  const choose = (option: string | undefined): void => {
    if (option !== undefined) onChoose(option);
    close();
    // What is typed next is a new search, not more of the name that stands here then.
    requestAnimationFrame(() => field.current?.querySelector('input')?.select());
  };
  const type = (typed: string): void => setOpen({ typed, at: 0 });
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const to = event.altKey ? undefined : stepChoice(event.key, open?.at ?? 0, shown.length);
    const isSpace = event.key === ' ' && !open;
    if (!open && (event.key.startsWith('Arrow') || event.key === 'Enter' || isSpace)) show();
    else if (open && to !== undefined) setOpen({ ...open, at: to });
    else if (open && event.key === 'Enter' && !event.ctrlKey && !event.nativeEvent.isComposing) choose(shown[open.at]);
    else if (open && event.key === 'Escape') close();
    else {
      if (event.key !== 'Escape') keep(event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <label ref={field} className={missing ? 'nodrag select combo missing' : 'nodrag select combo'}>
      <span className="label">{label}</span>
      <input
        role="combobox" aria-label={label} aria-autocomplete="list" aria-haspopup="listbox" aria-expanded={open !== null} aria-controls={open ? id : undefined}
        aria-activedescendant={open && open.at >= 0 ? `${id}-${open.at}` : undefined} aria-invalid={missing} title={missing ? TEXT.card.notFound(value) : value}
        autoComplete="off" spellCheck={false} inputMode={tapped ? 'search' : 'none'} placeholder={open ? value : undefined} value={open ? open.typed : value}
        onPointerDown={(event) => setTapped(open !== null || event.pointerType === 'mouse')} onClick={show} onFocus={(event) => event.currentTarget.select()} onBlur={close} onChange={(event) => type(event.currentTarget.value)} onKeyDown={onKeyDown}
      />
      {open && field.current && (
        <Suspense fallback={null}>
          <ComboList
            id={id} label={label} anchor={field.current} options={shown} more={found.length - shown.length} at={open.at} value={value}
            pictureOf={pictureOf} onPoint={(at) => setOpen({ ...open, at })} onChoose={choose} onClose={close}
          />
        </Suspense>
      )}
    </label>
  );
}
