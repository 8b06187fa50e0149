/** What the stream of a job's events tells of each of its nodes. */
import { describe, expect, it } from 'vitest';
import { failureIn, pastOf, readEvents, warningsIn, type JobEvent } from '../src/graph/jobEvents';
import type { JsonObject } from '../src/graph/json';

const event = (type: string, data: JsonObject, at = 5): JobEvent => ({ type, at, data });
const finished = [
  event('queued', { number: 1 }), event('started', { attempt: 1 }),
  event('cached', { nodes: ['1', '2'], reasons: { 3: 'input "seed" changed', 9: 'not run before' } }),
  event('node_started', { node: '3' }, 1000), event('node_finished', { node: '3', seconds: 1.5 }),
  event('shown', { node: '9.0', display_node: '9', output: { images: [{ filename: 'a.png' }] } }),
];

describe('the stream', () => {
  it('is read frame by frame, without comments and without what was cut off', () => {
    const text = 'retry: 1000\n\nid: 4\nevent: started\ndata: {"job_id":"j","timestamp_ms":7,"data":{"attempt":1}}\n\n: caught up\n\nevent: progress\ndata: {"job';
    expect(readEvents(text)).toEqual([{ type: 'started', at: 7, data: { attempt: 1 } }]);
  });
});

describe('nodes', () => {
  it('are cached, done in so many seconds, or wait, each with its reason', () => {
    const past = pastOf(finished);
    expect(past['1']).toMatchObject({ state: 'cached', reason: '' });
    expect(past['3']).toMatchObject({ state: 'done', at: 1000, seconds: 1.5, reason: 'input "seed" changed' });
    expect(past['9']).toMatchObject({ state: 'waiting', reason: 'not run before', output: { images: [{ filename: 'a.png' }] } });
    expect(Object.keys(past)).toHaveLength(4);
  });

  it('begin anew with each attempt', () => {
    expect(pastOf([...finished, event('retried', { reason: 'x' }), event('started', { attempt: 2 }), event('node_started', { node: '3' })])).toMatchObject({ 3: { state: 'running', seconds: 0 } });
  });

  it('fail with what failed', () => {
    const events = [...finished, event('failed', { error: { node_id: '9', message: 'no room', type: 'OSError', traceback: ['a'] }, executed: ['3'] })];
    expect(pastOf(events)['9']?.state).toBe('failed');
    expect(failureIn(events, 'j')).toEqual({ prompt_id: 'j', node_id: '9', exception_message: 'no room', exception_type: 'OSError', traceback: ['a'] });
    expect(failureIn(finished, 'j')).toBeUndefined();
    expect(pastOf([event('failed', { error: { node_id: null, message: 'gone' } })])).toEqual({});
  });

  it('warn', () => {
    expect(warningsIn([event('warning', { node: '4.1', display_node: '4', message: 'large' })])).toEqual([{ node: '4', message: 'large' }]);
  });
});
