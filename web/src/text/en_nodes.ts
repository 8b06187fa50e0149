/** English names of node types, of their inputs and of categories. Fetched with the node types. */
import type { NodeWords } from '../graph/schema';

/** Friendlier names of common node types; others keep the server's display name. */
const TITLES: NodeWords['titles'] = {
  TripleCLIPLoader: 'Load three encoders', DualCLIPLoader: 'Load two encoders', CLIPLoader: 'Load encoder', ControlNetLoader: 'Load ControlNet',
  CLIPLoaderGGUF: 'Load encoder (GGUF)', DualCLIPLoaderGGUF: 'Load two encoders (GGUF)', TripleCLIPLoaderGGUF: 'Load three encoders (GGUF)',
  CLIPTextEncode: 'Prompt', CLIPTextEncodeSD3: 'Prompt SD3', ConditioningCombine: 'Combine', ConditioningZeroOut: 'Zero out', ConditioningSetTimestepRange: 'Timestep range',
  KSamplerAdvanced: 'KSampler advanced', EmptySD3LatentImage: 'Empty SD3 latent', EmptyLatentImage: 'Empty latent', VAEDecode: 'Decode', VAEEncode: 'Encode',
  VAEDecodeTiled: 'Decode in tiles', VAEEncodeTiled: 'Encode in tiles', VAEEncodeForInpaint: 'Encode for inpainting', PreviewAny: 'Preview anything',
  ImageCrop: 'Crop image', LatentBlend: 'Blend latents', LatentComposite: 'Composite latents',
  PrimitiveInt: 'Whole number', PrimitiveFloat: 'Number', PrimitiveString: 'Text', PrimitiveStringMultiline: 'Text of several lines', PrimitiveBoolean: 'Switch',
  Note: 'Note', MarkdownNote: 'Note (Markdown)', Reroute: 'Reroute', PrimitiveNode: 'Primitive', SubgraphInputs: 'Inputs', SubgraphOutputs: 'Outputs',
};

/** Friendlier names of common inputs; others show their own name. */
const LABELS: NodeWords['labels'] = {
  ckpt_name: 'file', clip_name: 'file', clip_name1: 'clip 1', clip_name2: 'clip 2', clip_name3: 'clip 3', unet_name: 'file', vae_name: 'file',
  lora_name: 'file', control_net_name: 'file', sampler_name: 'sampler', batch_size: 'batch', filename_prefix: 'file name',
  control_net: 'ControlNet', strength_model: 'on the model', strength_clip: 'on the encoders',
};

/** Parts of categories that are written otherwise than the server names them. */
const CATEGORIES: NodeWords['categories'] = { _for_testing: 'experimental', sd3: 'SD3', controlnet: 'ControlNet', utils: 'utilities', model_specific: 'by model' };

export const EN_NODES: NodeWords = { titles: TITLES, labels: LABELS, categories: CATEGORIES };
