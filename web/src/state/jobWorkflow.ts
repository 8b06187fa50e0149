/** Opening what a job was made of. */
import { fetchJobSource, type JobSource } from '../api/jobs';
import { openDocument } from './files';
import { errorSentence } from './run';
import { setState, type Job } from './store';
import { notify } from './ui';

const sources = new Map<string, Promise<JobSource>>();

/** What a job was made of, fetched once. It never changes. */
export function jobSource(id: string): Promise<JobSource> {
  const known = sources.get(id);
  if (known) return known;
  const asked = fetchJobSource(id);
  sources.set(id, asked);
  asked.catch(() => sources.delete(id));
  return asked;
}

/** Open the workflow a job ran: the editor's document, or where none was sent the graph it ran. */
export async function openJobWorkflow(job: Pick<Job, 'id' | 'title'>): Promise<void> {
  try {
    const { workflow, prompt } = await jobSource(job.id);
    openDocument(workflow ?? prompt, job.title);
    setState({ shown: null, compared: null });
  } catch (error) {
    notify(errorSentence(error), true);
  }
}
