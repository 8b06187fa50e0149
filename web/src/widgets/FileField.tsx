import { useRef, useState, type ClipboardEvent, type DragEvent } from 'react';
import { imageUrl, thumbnailUrl } from '../api/client';
import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { viewCentre } from '../state/camera';
import { openFiles } from '../state/opening';
import { getState, setState } from '../state/store';
import { inputRef, uploadInto } from '../state/upload';
import { TEXT } from '../text';
import { SelectField } from './SelectField';
import type { FieldProps } from './field';

/** The first picture, which the field takes, and the files that it cannot take as well. */
function firstPicture(data: DataTransfer): { file: File | undefined; others: readonly File[] } {
  const files = [...data.files];
  const file = files.find(({ type }) => type.startsWith('image/'));
  return { file, others: files.filter((other) => other !== file) };
}

/** A picture of the input folder: choose one, upload, paste or drop it. */
export function FileField(props: FieldProps<Extract<Widget, { kind: 'file' }>>) {
  const { node, input, value } = props;
  const chooser = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const name = asText(value);
  const take = (event: ClipboardEvent | DragEvent, data: DataTransfer): void => {
    setOver(false);
    const { file, others } = firstPicture(data);
    if (!file) return;
    // The canvas would make another card of it.
    event.preventDefault();
    event.stopPropagation();
    void uploadInto(node, input.name, file);
    void openFiles(others, getState().simple ? undefined : viewCentre());
  };
  return (
    <div
      className={over ? 'file-body over' : 'file-body'} onPaste={(event) => take(event, event.clipboardData)} onDrop={(event) => take(event, event.dataTransfer)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(event.dataTransfer.types.includes('Files'));
      }}
      onDragLeave={() => setOver(false)}
    >
      <div className="file-line">
        <SelectField {...props} />
        <button type="button" className="nodrag icon small" aria-label={TEXT.actions.upload} title={TEXT.actions.uploadHint} onClick={() => chooser.current?.click()}>↑</button>
        {name && (
          <button
            type="button" className="nodrag icon small" aria-label={TEXT.mask.paint} title={TEXT.mask.paint}
            onClick={() => setState({ painting: { node, input: input.name, name, src: imageUrl(inputRef(name)) } })}
          >
            ✎
          </button>
        )}
        <input
          ref={chooser} type="file" accept="image/*" hidden aria-label={TEXT.actions.upload}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void uploadInto(node, input.name, file);
            event.currentTarget.value = '';
          }}
        />
      </div>
      <div className="thumbnail">{name && <img key={name} src={thumbnailUrl(inputRef(name))} alt={name} draggable={false} onError={(event) => (event.currentTarget.hidden = true)} />}</div>
    </div>
  );
}
