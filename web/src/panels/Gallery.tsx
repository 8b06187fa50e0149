import { useEffect, useRef } from 'react';
import { imageUrl, thumbnailUrl } from '../api/client';
import { openJobWorkflow } from '../state/jobWorkflow';
import { pictures } from '../state/gallery';
import { setState, useStore } from '../state/store';
import { TEXT } from '../text';
import { IconButton } from './icons';

/** Finished pictures, newest first. */
export function Gallery() {
  const list = useStore(pictures);
  if (list.length === 0) return <p className="quiet padded">{TEXT.gallery.empty}</p>;
  return (
    <ul className="gallery" aria-label={TEXT.tabs.gallery}>
      {list.map(({ image, job }, at) => (
        <li key={`${job.id}/${image.subfolder}/${image.filename}`}>
          <button type="button" className="bare" aria-label={TEXT.gallery.picture(image.filename)} onClick={() => setState({ shown: at })}>
            <img src={thumbnailUrl(image)} alt={image.filename} loading="lazy" />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** One picture at full size, with its workflow at hand. */
export function Viewer() {
  const shown = useStore((s) => s.shown);
  const list = useStore(pictures);
  const dialog = useRef<HTMLDialogElement>(null);
  const picture = shown === null ? undefined : list[shown];
  const isOpen = picture !== undefined;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const turn = (step: number): void => {
    if (shown !== null && list[shown + step]) setState({ shown: shown + step });
  };
  const { actions } = TEXT;
  return (
    <dialog
      ref={dialog} className="viewer" aria-label={picture ? TEXT.gallery.picture(picture.image.filename) : TEXT.tabs.gallery} onClose={() => setState({ shown: null })}
      onKeyDown={(event) => (event.key === 'ArrowRight' ? turn(1) : event.key === 'ArrowLeft' && turn(-1))}
      onClick={(event) => event.target === event.currentTarget && setState({ shown: null })}
    >
      {picture && (
        <>
          <img src={imageUrl(picture.image)} alt={picture.image.filename} />
          <div className="viewer-bar">
            <IconButton icon="left" label={actions.previous} disabled={shown === 0} onClick={() => turn(-1)} />
            <IconButton icon="right" label={actions.next} disabled={shown === list.length - 1} onClick={() => turn(1)} />
            <span className="name">{picture.image.filename}</span>
            <button type="button" onClick={() => void openJobWorkflow(picture.job)}>{actions.loadItsWorkflow}</button>
            <a className="button" href={imageUrl(picture.image)} download={picture.image.filename}>{actions.download}</a>
            <IconButton icon="close" label={actions.close} onClick={() => setState({ shown: null })} />
          </div>
        </>
      )}
    </dialog>
  );
}
