import { useEffect, useRef, type KeyboardEvent } from 'react';
import { beginGesture, endGesture } from '../state/edits';

/** Keys for the field, not for the canvas; the page's commands, with Ctrl or with Alt and a letter, still work. */
export function keep(event: KeyboardEvent): void {
  const isCommand = event.ctrlKey || event.metaKey || (event.altKey && event.key.length === 1);
  if (!isCommand) event.stopPropagation();
}

/** What is typed between entering and leaving a field is one undo step. */
export function useTyping(): { onFocus: () => void; onInput: () => void; onBlur: () => void } {
  const typing = useRef(false);
  const onFocus = (): void => {
    typing.current = true;
    beginGesture();
  };
  const onBlur = (): void => {
    typing.current = false;
    endGesture();
  };
  // A card that leaves the view is unmounted without a blur event.
  useEffect(() => () => {
    if (typing.current) endGesture();
  }, []);
  // Saving, running and undoing end the gesture while the cursor stays: what is typed after that is one step again.
  return { onFocus, onInput: beginGesture, onBlur };
}
