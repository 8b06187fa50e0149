import { useMemo, useState } from 'react';
import { imageUrl } from '../api/client';
import { simpleFields, unpin, type SimpleField } from '../graph/simple';
import { Starting } from '../canvas/Starting';
import { commit } from '../state/edits';
import { showPicture } from '../state/gallery';
import { problemView } from '../state/problemView';
import { getState, titleOf, useStore, type State } from '../state/store';
import { showTab } from '../state/ui';
import { TEXT } from '../text';
import { WidgetRow } from '../widgets/WidgetRow';
import { IconButton } from './icons';
import { ServedPicture } from './ServedPicture';

function Field({ field }: { field: SimpleField }) {
  const { node, input } = field;
  const title = useStore((s) => titleOf(s, node.id));
  const invalid = useStore((s) => problemView(s).byNode[node.id]?.some((problem) => problem.input === input.name) === true);
  const tall = input.widget.kind === 'text' && input.widget.multiline;
  const remove = (): void => commit(unpin(getState().graph, getState().schema, field));
  return (
    <div className="simple-field" role="group" aria-label={TEXT.simple.field(title, input.label)}>
      <div className="simple-head"><span>{tall ? title : ''}</span><IconButton icon="close" label={TEXT.simple.unpin(title, input.label)} className="small" onClick={remove} /></div>
      <WidgetRow node={node.id} input={input} value={node.values[input.name]} control={node.controls[input.name]} linked={false} height={tall ? 120 : input.widget.kind === 'file' ? 172 : 44} invalid={invalid} />
    </div>
  );
}

/** The picture that is being made, else the last one made. */
function shownRun(state: State): State['runs'][string] | undefined {
  const runs = Object.values(state.runs);
  return runs.find((run) => run.preview !== null) ?? runs.findLast((run) => run.images.length > 0);
}

function Progress() {
  const job = useStore((s) => s.jobs.find(({ id }) => id === s.current && s.owners[id] === s.active));
  if (!job) return null;
  const percent = Math.round(job.fraction * 100);
  return (
    <div className="simple-progress">
      <p role="status">{job.progress || TEXT.card.running}</p>
      <div className="bar" role="progressbar" aria-label={job.title} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}><div style={{ width: `${percent}%` }} /></div>
    </div>
  );
}

function Result() {
  const run = useStore(shownRun);
  const problems = useStore((s) => problemView(s).all.filter((problem) => !problem.isWarning).length);
  return (
    <section className="simple-result" aria-label={TEXT.simple.result}>
      {run?.preview && <img src={run.preview} alt={TEXT.card.running} />}
      {!run?.preview && run?.images.map((image) => (
        <button type="button" key={`${image.subfolder}/${image.filename}`} className="bare" aria-label={TEXT.gallery.picture(image.filename)} onClick={() => showPicture(image)}>
          <ServedPicture src={imageUrl(image)} alt={image.filename} />
        </button>
      ))}
      {!run && <p className="quiet">{TEXT.card.noPicture}</p>}
      <Progress />
      {problems > 0 && <button type="button" className="simple-problems" onClick={() => showTab('problems')}>{TEXT.simple.problems(problems)}</button>}
    </section>
  );
}

/** The same document without its graph: the chosen inputs and the picture. */
export function SimpleView() {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const ready = useStore((s) => s.schemaState === 'ready');
  const fields = useMemo(() => simpleFields(graph, schema), [graph, schema]);
  const [choosing, setChoosing] = useState(false);
  return (
    <main className="simple" aria-label={TEXT.simple.title}>
      {!ready && <Starting />}
      <Result />
      <section className={choosing ? 'simple-fields choosing' : 'simple-fields'} aria-label={TEXT.simple.inputs}>
        {ready && fields.length === 0 && <p className="quiet">{TEXT.simple.none}</p>}
        {fields.map((field) => <Field key={`${field.node.id}/${field.input.name}`} field={field} />)}
        {/* Where nothing hovers, the crosses would stand beside every field at all times. */}
        {fields.length > 0 && <button type="button" className="choose-fields" aria-pressed={choosing} onClick={() => setChoosing(!choosing)}>{TEXT.simple.choose}</button>}
      </section>
    </main>
  );
}
