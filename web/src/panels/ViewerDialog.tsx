import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { imageUrl } from '../api/client';
import type { ImageRef } from '../api/wire';
import { factsOf, type Facts } from '../graph/facts';
import { copyPicture, pictureKey, pictures, takeAsInput, type Picture } from '../state/gallery';
import { jobSource, openJobWorkflow } from '../state/jobWorkflow';
import { getState, setState, useStore } from '../state/store';
import { TEXT } from '../text';
import { Compare } from './Compare';
import { IconButton } from './icons';
import { LostPicture } from './LostPicture';
import { Modal } from './Modal';
import { ZoomedPicture } from './ZoomedPicture';

/** What the picture was made with; nothing until it is known, and where its job is not kept any more. */
function useFacts({ job, image }: Picture): Facts {
  const [facts, setFacts] = useState<{ of: string; found: Facts }>({ of: '', found: {} });
  useEffect(() => {
    let current = true;
    jobSource(job.id).then(
      ({ prompt }) => current && setFacts({ of: job.id, found: factsOf(prompt, image.node) }),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [job.id, image.node]);
  return facts.of === job.id ? facts.found : {};
}

function FactList({ picture, size }: { picture: Picture; size: string }) {
  const facts = useFacts(picture);
  const rows = Object.entries({ ...facts, ...(size ? { size } : {}) }) as [keyof Facts | 'size', string][];
  return (
    // The keyboard scrolls it where there is more than fits.
    <div className="facts-frame" role="region" aria-label={TEXT.pictures.madeWith} tabIndex={0}>
      <dl className="facts">
        {rows.map(([name, value]) => <div key={name}><dt>{TEXT.pictures.facts[name]}</dt><dd>{value}</dd></div>)}
      </dl>
    </div>
  );
}

function close(): void {
  setState({ shown: null, compared: null });
}

/** One picture at full size with what it was made with, or compared with another. Arrow keys go through the gallery. */
export function ViewerDialog({ picture }: { picture: Picture }) {
  const list = useStore(pictures);
  const compared = useStore((s) => pictures(s).find(({ key }) => key === s.compared));
  const [size, setSize] = useState('');
  const body = useRef<HTMLDivElement>(null);
  // What had the focus may have gone with the picture it belonged to; the keys need it here.
  useEffect(() => {
    if (document.activeElement === document.body) body.current?.focus();
  });
  const [lost, setLost] = useState<readonly string[]>([]);
  const isLost = (image: ImageRef): boolean => lost.includes(pictureKey(image));
  const onLost = (image: ImageRef): void => setLost((known) => [...known, pictureKey(image)]);
  const at = list.findIndex(({ key }) => key === picture.key);
  const older = list[at + 1];
  const { actions, pictures: words } = TEXT;
  const turn = (step: number): void => {
    const next = list[at + step];
    if (next) setState({ shown: next.key });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === 'ArrowRight') turn(1);
    if (event.key === 'ArrowLeft') turn(-1);
  };
  const other = getState().marked.filter((key) => key !== picture.key).map((key) => list.find((candidate) => candidate.key === key)).find(Boolean) ?? older;
  const { filename } = picture.image;
  return (
    <Modal label={compared ? words.compareTitle : TEXT.gallery.picture(filename)} className="viewer" onClose={close}>
      <div className="viewer-keys" ref={body} tabIndex={-1} onKeyDown={onKeyDown}>
        {compared && <Compare a={picture.image} b={compared.image} isLost={isLost} onLost={onLost} />}
        {!compared && isLost(picture.image) && <LostPicture key={picture.key} image={picture.image} />}
        {!compared && !isLost(picture.image) && <ZoomedPicture key={picture.key} src={imageUrl(picture.image)} alt={filename} onSize={setSize} onLost={() => onLost(picture.image)} />}
        <div className="viewer-bar">
          <IconButton icon="left" label={actions.previous} disabled={at <= 0} onClick={() => turn(-1)} />
          <IconButton icon="right" label={actions.next} disabled={at === list.length - 1} onClick={() => turn(1)} />
          <span className="name">{compared ? `${filename} · ${compared.image.filename}` : filename}</span>
          {compared && <button type="button" onClick={() => setState({ compared: null })}>{words.single}</button>}
          {!compared && other && <button type="button" onClick={() => setState({ compared: other.key })}>{words.compareWith(other.image.filename)}</button>}
          <button type="button" disabled={isLost(picture.image)} onClick={() => void takeAsInput(picture.image)}>{words.useAsInput}</button>
          <button type="button" onClick={() => void openJobWorkflow(picture.job)}>{actions.loadItsWorkflow}</button>
          <button type="button" disabled={isLost(picture.image)} onClick={() => void copyPicture(picture.image)}>{words.copy}</button>
          {!isLost(picture.image) && <a className="button" href={imageUrl(picture.image)} download={filename}>{actions.download}</a>}
          <IconButton icon="close" label={actions.close} onClick={close} />
        </div>
        <FactList picture={picture} size={isLost(picture.image) ? '' : size} />
      </div>
    </Modal>
  );
}
