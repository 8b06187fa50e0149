import { useRef } from 'react';
import { imageUrl } from '../api/client';
import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { setState } from '../state/store';
import { inputRef, uploadInto } from '../state/upload';
import { TEXT } from '../text';
import { SelectField } from './SelectField';
import type { FieldProps } from './field';

/** A picture of the input folder: choose one, or upload. */
export function FileField(props: FieldProps<Extract<Widget, { kind: 'file' }>>) {
  const { node, input, value } = props;
  const chooser = useRef<HTMLInputElement>(null);
  const name = asText(value);
  return (
    <>
      <div className="file-line">
        <SelectField {...props} />
        <button type="button" className="nodrag icon small" aria-label={TEXT.actions.upload} title={TEXT.actions.upload} onClick={() => chooser.current?.click()}>↑</button>
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
      <div className="thumbnail">{name && <img key={name} src={imageUrl(inputRef(name))} alt={name} draggable={false} onError={(event) => (event.currentTarget.hidden = true)} />}</div>
    </>
  );
}
