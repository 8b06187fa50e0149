import { useRef } from 'react';
import { imageUrl } from '../api/client';
import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { uploadInto } from '../state/upload';
import { TEXT } from '../text';
import { SelectField } from './SelectField';
import type { FieldProps } from './field';

/** The place of an input picture: `folder/name.png` names a subfolder. */
function reference(name: string): Parameters<typeof imageUrl>[0] {
  const at = name.lastIndexOf('/');
  return { filename: name.slice(at + 1), subfolder: at < 0 ? '' : name.slice(0, at), type: 'input' };
}

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
        <input
          ref={chooser} type="file" accept="image/*" hidden aria-label={TEXT.actions.upload}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void uploadInto(node, input.name, file);
            event.currentTarget.value = '';
          }}
        />
      </div>
      <div className="thumbnail">{name && <img key={name} src={imageUrl(reference(name))} alt={name} draggable={false} onError={(event) => (event.currentTarget.hidden = true)} />}</div>
    </>
  );
}
