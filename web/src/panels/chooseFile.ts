import { openFiles } from '../state/opening';

/** Ask for files and open them. */
export function chooseFile(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.json,image/png,image/webp,image/jpeg,application/json';
  input.multiple = true;
  input.onchange = () => void openFiles([...input.files ?? []]);
  input.click();
}
