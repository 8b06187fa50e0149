import { imageUrl } from '../api/client';
import { ServedPicture } from '../panels/ServedPicture';
import { showPicture } from '../state/gallery';
import { shownRuns } from '../state/shownRuns';
import { useStore } from '../state/store';
import { TEXT } from '../text';

interface PictureProps {
  node: string;
  height: number;
  card: string;
}

/** The picture area: the running preview, the finished pictures, or where they will appear. */
export function CardPicture({ node, height, card }: PictureProps) {
  const images = useStore((s) => shownRuns(s)[node]?.images) ?? [];
  const preview = useStore((s) => shownRuns(s)[node]?.preview);
  if (preview) {
    return <div className="picture" style={{ height }}><img src={preview} alt={`${TEXT.card.running}: ${card}`} /></div>;
  }
  if (images.length === 0) {
    return <div className="picture hollow" style={{ height }}><span>{TEXT.card.noPicture}</span></div>;
  }
  return (
    <div className={images.length > 1 ? 'picture batch' : 'picture'} style={{ height }}>
      {images.map((image) => (
        <button
          type="button" key={`${image.subfolder}/${image.filename}`} className="nodrag bare"
          aria-label={TEXT.gallery.picture(image.filename)} onClick={() => showPicture(image)}
        >
          <ServedPicture src={imageUrl(image)} alt={image.filename} />
        </button>
      ))}
    </div>
  );
}
