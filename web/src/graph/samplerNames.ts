/** Names of samplers and schedules in other tools, and what they are called here. */
import { nearest } from './search';

/** `DPM++ 2M SDE Karras` → `dpmpp2msdekarras`. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll('++', 'pp').replace(/[^a-z0-9]/g, '');
}

/** Ends of a sampler's name that say its schedule. */
const SCHEDULES: readonly (readonly [end: string, schedule: string])[] = [
  ['polyexponential', 'exponential'], ['exponential', 'exponential'], ['karras', 'karras'], ['sgmuniform', 'sgm_uniform'], ['simple', 'simple'],
  ['normal', 'normal'], ['beta', 'beta'], ['ddimuniform', 'ddim_uniform'], ['aligyoursteps', 'simple'],
];

/** Samplers under other names; of those that do not exist here, what comes nearest. */
const SAMPLERS: Readonly<Record<string, string>> = {
  eulera: 'euler_ancestral', eulerancestraldiscrete: 'euler_ancestral', eulerdiscrete: 'euler', flowmatcheulerdiscrete: 'euler', flowmatcheuler: 'euler',
  dpm2a: 'dpm_2_ancestral', dpmpp2sa: 'dpmpp_2s_ancestral', dpmpp2s: 'dpmpp_2s_ancestral', dpmppsde: 'dpmpp_sde', dpmpp2msdeheun: 'dpmpp_2m_sde',
  dpmsolvermultistep: 'dpmpp_2m', dpmsolversinglestep: 'dpmpp_2s_ancestral', dpmppsinglestep: 'dpmpp_2s_ancestral', kdpm2: 'dpm_2', kdpm2a: 'dpm_2_ancestral',
  kdpm2discrete: 'dpm_2', kdpm2ancestraldiscrete: 'dpm_2_ancestral', heundiscrete: 'heun', flowmatchheundiscrete: 'heun', lmsdiscrete: 'lms',
  unipcmultistep: 'uni_pc', unipcbh2: 'uni_pc_bh2', deismultistep: 'deis', plms: 'lms', pndm: 'lms', ddimcfgpp: 'ddim', restart: 'heun', tcd: 'lcm',
};

const ALIKE: ReadonlySet<string> = new Set(['plms', 'pndm', 'restart', 'tcd', 'dpmpp2msdeheun', 'unipcbh2']);

export interface Named {
  name: string;
  /** Whether it is the same thing, and not only the most similar. */
  isSame: boolean;
}

function among(options: readonly string[], wanted: string): string | undefined {
  return options.find((option) => plain(option) === plain(wanted));
}

/** The sampler of this server for another tool's name. */
function samplerFor(given: string, options: readonly string[], fallback: string): Named {
  const name = plain(given).replace(/scheduler$/, '').replace(/gpu$/, '');
  for (const candidate of [name, name.replace(/^k(?!dpm)/, ''), name.replace(/^k/, '')]) {
    const own = among(options, candidate);
    if (own !== undefined) return { name: own, isSame: true };
    const alias = SAMPLERS[candidate];
    const known = alias === undefined ? undefined : among(options, alias);
    if (known !== undefined) return { name: known, isSame: !ALIKE.has(candidate) };
  }
  return { name: nearest(given, options) ?? fallback, isSame: false };
}

/** A sampler's name without the schedule that some tools write behind it, and that. */
function split(given: string): { sampler: string; schedule: string | undefined } {
  const short = /^(.+)_k$/.exec(given)?.[1]; // InvokeAI: `dpmpp_2m_k`
  if (short !== undefined) return { sampler: short, schedule: 'karras' };
  const name = plain(given);
  const found = SCHEDULES.find(([end]) => name.length > end.length && name.endsWith(end));
  return found ? { sampler: name.slice(0, -found[0].length), schedule: found[1] } : { sampler: given, schedule: undefined };
}

export interface SamplerChoice {
  sampler: Named | undefined;
  scheduler: Named | undefined;
}

/** Sampler and schedule of this server for those of another tool, some of which call the sampler a scheduler. */
export function namesHere(given: { sampler?: string; scheduler?: string }, samplers: readonly string[], schedulers: readonly string[]): SamplerChoice {
  const called = given.sampler ?? given.scheduler;
  const { sampler, schedule } = split(called ?? '');
  const stated = given.sampler !== undefined && plain(given.scheduler ?? '') !== 'automatic' ? given.scheduler : undefined;
  const wanted = stated ?? schedule;
  const known = wanted === undefined ? undefined : among(schedulers, SCHEDULES.find(([end]) => end === plain(wanted))?.[1] ?? wanted);
  return {
    sampler: called === undefined ? undefined : samplerFor(sampler, samplers, 'euler'),
    scheduler: wanted === undefined ? undefined : { name: known ?? nearest(wanted, schedulers) ?? 'simple', isSame: known !== undefined },
  };
}
