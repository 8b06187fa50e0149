import { describe, expect, it } from 'vitest';
import { readSchema, type Schema } from '../src/graph/schema';
import { readOtherTool } from '../src/graph/otherTools';
import { translate } from '../src/graph/recipeWorkflow';
import { namesHere } from '../src/graph/samplerNames';

const SAMPLERS = ['euler', 'euler_ancestral', 'heun', 'dpm_2', 'dpm_2_ancestral', 'lms', 'dpmpp_2s_ancestral', 'dpmpp_sde', 'dpmpp_2m', 'dpmpp_2m_sde', 'dpmpp_3m_sde', 'ddim', 'uni_pc', 'lcm'];
const SCHEDULERS = ['simple', 'sgm_uniform', 'karras', 'exponential', 'normal', 'beta'];

function serverWith(checkpoints: string[]): Schema {
  const int = (min: number, max: number | bigint, step = 1) => ['INT', { default: min, min, max, step }];
  return readSchema({
    CheckpointLoaderSimple: { input: { required: { ckpt_name: [checkpoints] } }, output: ['MODEL', 'CLIP', 'VAE'] },
    TripleCLIPLoader: { input: { required: { clip_name1: [['sd35_tiny_clip_l.safetensors']], clip_name2: [[]], clip_name3: [[]] } }, output: ['CLIP'] },
    EmptySD3LatentImage: { input: { required: { width: int(16, 4096, 16), height: int(16, 4096, 16), batch_size: int(1, 64) } }, output: ['LATENT'] },
    KSampler: { input: { required: {
      model: ['MODEL'], seed: int(0, 18446744073709551615n), steps: int(1, 1000), cfg: ['FLOAT', { default: 4, min: 0, max: 100 }],
      sampler_name: [SAMPLERS], scheduler: [SCHEDULERS], denoise: ['FLOAT', { default: 1, min: 0, max: 1 }],
    } }, output: ['LATENT'] },
  });
}

const SERVER = serverWith(['sd35_tiny.safetensors', 'sd3.5_medium.safetensors']);
const WORDS = { prompt: 'prompt', negative: 'negative prompt' };

/** What the sampler of the workflow made of these texts gets, and what was told. */
function made(texts: Record<string, string>, schema = SERVER) {
  const result = translate(texts, schema, WORDS) ?? expect.fail();
  const inputs = (id: string): unknown => (result.document[id] as { inputs: unknown }).inputs;
  return { tool: result.tool, sampler: inputs('6'), size: inputs('5'), prompt: inputs('3'), negative: inputs('4'), checkpoint: inputs('1'), told: result.findings.map(({ code, subject }) => `${code} ${subject}`) };
}

const PARAMETERS = `a lighthouse at dusk, (oil painting:1.2), <lora:old_masters:0.7>
second line of the prompt
Negative prompt: blurry,
low quality
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 3912873495, Size: 520x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Denoising strength: 0.55, Clip skip: 2, Hires upscale: 2, Hires upscaler: Latent, Lora hashes: "old_masters: 1f2e, other: 33", Version: v1.10.1`;

describe('AUTOMATIC1111', () => {
  it('gives prompt, numbers, size and sampler, and tells what has no place', () => {
    const { tool, sampler, size, prompt, negative, checkpoint, told } = made({ parameters: PARAMETERS });
    expect(tool).toBe('AUTOMATIC1111');
    expect(prompt).toMatchObject({ text: 'a lighthouse at dusk, (oil painting:1.2),\nsecond line of the prompt' });
    expect(negative).toMatchObject({ text: 'blurry,\nlow quality' });
    expect(sampler).toMatchObject({ steps: 25, cfg: 6.5, seed: 3912873495, sampler_name: 'dpmpp_2m', scheduler: 'karras', denoise: 1 });
    expect(size).toMatchObject({ width: 528, height: 768 });
    expect(checkpoint).toEqual({ ckpt_name: 'sd3.5_medium.safetensors' });
    expect(told).toEqual([
      'other_number width: 520 → 528', 'other_model v1-5-pruned-emaonly → sd3.5_medium.safetensors', 'no_lora old_masters (0.7)',
      'no_second_pass Hires upscale: 2, Hires upscaler: Latent', 'no_place Clip skip: 2',
    ]);
  });

  it('is read from the comment of JPEG and WebP files too, and in its newer form with the schedule apart', () => {
    const text = 'a fox\nSteps: 20, Sampler: Euler a, Schedule type: SGM Uniform, CFG scale: 7, Seed: 18446744073709551615, Size: 1024x1024, Denoising strength: 0.4';
    const { sampler, told } = made({ UserComment: text });
    expect(sampler).toMatchObject({ sampler_name: 'euler_ancestral', scheduler: 'sgm_uniform', seed: 18446744073709551615n });
    expect(told).toEqual(['no_first_picture 0.4']);
  });

  it('is not seen in other words', () => {
    for (const text of ['hello', 'Steps: many, and more', 'x'.repeat(200_000), '{"cut": ', '{"a": 1}', 'a\nSteps: 2, "']) expect(readOtherTool({ parameters: text })).toBeUndefined();
    expect(readOtherTool({ parameters: 'a\nSteps: 2, Model: "cut \\q", Seed: 1' })?.recipe.model).toBe('"cut \\q"');
  });
});

describe('other tools', () => {
  it('InvokeAI', () => {
    const metadata = {
      generation_mode: 'sdxl_txt2img', positive_prompt: 'a heron', negative_prompt: 'fog', width: 1024, height: 960, seed: 7, rand_device: 'cpu', cfg_scale: 5,
      steps: 30, scheduler: 'dpmpp_2m_k', model: { key: '1', hash: 'b', name: 'juggernaut', base: 'sdxl', type: 'main' },
      loras: [{ model: { key: '2', name: 'ink' }, weight: 0.75 }], app_version: '5.6.0',
    };
    const expected = { steps: 30, cfg: 5, seed: 7, sampler_name: 'dpmpp_2m', scheduler: 'karras' };
    const { tool, sampler, told } = made({ invokeai_metadata: JSON.stringify(metadata), invokeai_graph: '{}' });
    expect([tool, sampler]).toMatchObject(['InvokeAI', expected]);
    expect(told).toContain('no_lora ink (0.75)');
    expect(told).toContain('other_model juggernaut → sd3.5_medium.safetensors');
    const graph = { nodes: { a: { type: 'noise' }, b: { type: 'core_metadata', ...metadata } } };
    expect(made({ invokeai_graph: JSON.stringify(graph) }).sampler).toMatchObject(expected);
    const old = { model_weights: 'sd-1.4', image: { prompt: 'a heron', steps: 50, cfg_scale: 7.5, sampler: 'k_lms', seed: 42, width: 512, height: 512 } };
    expect(made({ 'sd-metadata': JSON.stringify(old) }).sampler).toMatchObject({ sampler_name: 'lms', steps: 50 });
  });

  it('SwarmUI', () => {
    const { tool, sampler, told } = made({ parameters: JSON.stringify({ sui_image_params: {
      prompt: 'a heron', negativeprompt: '', model: 'sd3.5_medium', seed: 11, steps: 22, cfgscale: 4.5, aspectratio: '1:1', width: 1024, height: 1024,
      sampler: 'dpmpp_2m', scheduler: 'beta', loras: ['ink', 'wash'], loraweights: ['1', '0.5'], swarm_version: '0.9.4', refinerupscale: 2,
    } }) });
    expect([tool, sampler]).toMatchObject(['SwarmUI', { seed: 11, steps: 22, cfg: 4.5, sampler_name: 'dpmpp_2m', scheduler: 'beta' }]);
    expect(told).toEqual(['no_lora ink (1)', 'no_lora wash (0.5)', 'no_second_pass refinerupscale: 2', 'no_place aspectratio: 1:1']);
  });

  it('NovelAI', () => {
    const comment = { steps: 28, height: 1216, width: 832, scale: 5.0, uncond_scale: 0, seed: 99, n_samples: 1, noise_schedule: 'karras', sampler: 'k_euler_ancestral', uc: 'lowres' };
    const { tool, sampler, negative } = made({ Software: 'NovelAI', Source: 'NovelAI Diffusion V4', Description: 'a {heron}', Comment: JSON.stringify(comment) });
    expect([tool, sampler]).toMatchObject(['NovelAI', { sampler_name: 'euler_ancestral', scheduler: 'karras', cfg: 5 }]);
    expect(negative).toMatchObject({ text: 'lowres' });
  });

  it('Fooocus', () => {
    const text = { prompt: 'a heron', negative_prompt: '', styles: "['Fooocus V2']", performance: 'Speed', steps: 30, resolution: '(1152, 896)', guidance_scale: 4,
      base_model: 'juggernautXL', sampler: 'dpmpp_2m_sde_gpu', scheduler: 'karras', seed: '123', loras: [['offset', 0.1, 'abc']], version: 'Fooocus v2.5.5' };
    const { tool, sampler, size, told } = made({ parameters: JSON.stringify(text), fooocus_scheme: 'fooocus' });
    expect([tool, sampler, size]).toMatchObject(['Fooocus', { sampler_name: 'dpmpp_2m_sde', seed: 123 }, { width: 1152, height: 896 }]);
    expect(told).toContain('no_lora offset (0.1)');
  });

  it('any that keeps settings under names of its own, as diffusers scripts do', () => {
    const plain = { prompt: 'a heron', negative_prompt: 'fog', num_inference_steps: '28', guidance_scale: '3.5', seed: '5', width: '768', height: '768', scheduler: 'FlowMatchEulerDiscreteScheduler' };
    expect(made(plain).sampler).toMatchObject({ steps: 28, cfg: 3.5, seed: 5, sampler_name: 'euler', scheduler: 'sgm_uniform' });
    expect(made({ generation: JSON.stringify(plain) }).tool).toBe('');
    expect(readOtherTool({ Software: 'gimp', Comment: 'made with love', prompt: 'a heron' })).toBeUndefined();
  });
});

describe('a checkpoint', () => {
  const PLAIN = { prompt: 'a', steps: '2', model: 'mine/sd3.5_large_finetune.safetensors' };
  it('is that of the same name where it is here, else the published one is named', () => {
    expect(made(PLAIN, serverWith(['x/sd3.5_large_finetune.safetensors', 'sd3.5_large.safetensors'])).checkpoint).toEqual({ ckpt_name: 'x/sd3.5_large_finetune.safetensors' });
    expect(made(PLAIN, serverWith(['sd35_tiny.safetensors'])).checkpoint).toEqual({ ckpt_name: 'sd3.5_large.safetensors' });
  });
});

describe('names of samplers', () => {
  it.each([
    ['DPM++ 2S a Karras', 'dpmpp_2s_ancestral', 'karras', true], ['DPM2 a', 'dpm_2_ancestral', undefined, true], ['UniPC', 'uni_pc', undefined, true],
    ['dpmpp_3m_sde_gpu', 'dpmpp_3m_sde', undefined, true], ['PLMS', 'lms', undefined, false], ['k_dpmpp_2m', 'dpmpp_2m', undefined, true],
    ['DPM++ 3M SDE Exponential', 'dpmpp_3m_sde', 'exponential', true], ['something new', 'euler', undefined, false], ['Heun Beta', 'heun', 'beta', true],
    ['DPMSolverMultistepScheduler', 'dpmpp_2m', undefined, true],
  ])('%s is %s here', (given, sampler, scheduler, isSame) => {
    const found = namesHere({ sampler: given }, SAMPLERS, SCHEDULERS);
    expect(found.sampler).toEqual({ name: sampler, isSame });
    expect(found.scheduler?.name).toBe(scheduler);
  });

  it('are none where none is told, and schedules that do not exist are told', () => {
    expect(namesHere({}, SAMPLERS, SCHEDULERS)).toEqual({ sampler: undefined, scheduler: undefined });
    expect(namesHere({ sampler: 'Euler', scheduler: 'Automatic' }, SAMPLERS, SCHEDULERS).scheduler).toBeUndefined();
    expect(namesHere({ sampler: 'Euler', scheduler: 'Turbo' }, SAMPLERS, SCHEDULERS).scheduler).toEqual({ name: 'simple', isSame: false });
  });
});
