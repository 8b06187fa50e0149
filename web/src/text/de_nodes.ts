/** German names of node types, of their inputs and of categories. Fetched with the node types. */
import type { NodeWords } from '../graph/schema';

const TITLES: NodeWords['titles'] = {
  CheckpointLoaderSimple: 'Checkpoint laden', TripleCLIPLoader: 'Drei Encoder laden', DualCLIPLoader: 'Zwei Encoder laden', CLIPLoader: 'Encoder laden',
  CLIPLoaderGGUF: 'Encoder laden (GGUF)', DualCLIPLoaderGGUF: 'Zwei Encoder laden (GGUF)', TripleCLIPLoaderGGUF: 'Drei Encoder laden (GGUF)',
  UNETLoader: 'Diffusionsmodell laden', UnetLoaderGGUF: 'Diffusionsmodell laden (GGUF)', VAELoader: 'VAE laden', LoraLoader: 'LoRA laden', LoraLoaderModelOnly: 'LoRA laden (nur Modell)',
  ControlNetLoader: 'ControlNet laden', ControlNetApplyAdvanced: 'ControlNet anwenden', ControlNetApplySD3: 'ControlNet anwenden, mit VAE',
  CLIPTextEncode: 'Prompt', CLIPTextEncodeSD3: 'Prompt SD3', CLIPSetLastLayer: 'Letzte CLIP-Schicht setzen',
  ConditioningCombine: 'Verbinden', ConditioningConcat: 'Aneinanderhängen', ConditioningAverage: 'Mitteln', ConditioningZeroOut: 'Auf null setzen', ConditioningSetTimestepRange: 'Zeitbereich',
  ConditioningSetArea: 'Bereich setzen', ConditioningSetAreaPercentage: 'Bereich in Prozent setzen', ConditioningSetAreaStrength: 'Stärke des Bereichs setzen', ConditioningSetMask: 'Konditionierung maskieren',
  ModelSamplingSD3: 'Modell-Sampling SD3', RescaleCFG: 'CFG neu skalieren', GuidanceInterval: 'Zeitbereich des CFG', SkipLayerGuidanceSD3: 'Skip-Layer-Guidance SD3', SkipLayerGuidanceDiT: 'Skip-Layer-Guidance DiT',
  KSampler: 'KSampler', KSamplerAdvanced: 'KSampler erweitert', KSamplerSelect: 'Sampler wählen', SamplerCustom: 'Eigener Sampler', SamplerCustomAdvanced: 'Eigener Sampler (erweitert)',
  BasicGuider: 'Einfacher Guider', CFGGuider: 'CFG-Guider', DualCFGGuider: 'Doppelter CFG-Guider', AddNoise: 'Rauschen hinzufügen', DisableNoise: 'Kein Rauschen', RandomNoise: 'Zufälliges Rauschen',
  BasicScheduler: 'Einfacher Scheduler', BetaSamplingScheduler: 'Beta-Scheduler', ExponentialScheduler: 'Exponentieller Scheduler', KarrasScheduler: 'Karras-Scheduler', LaplaceScheduler: 'Laplace-Scheduler',
  PolyexponentialScheduler: 'Polyexponentieller Scheduler', SDTurboScheduler: 'SD-Turbo-Scheduler', VPScheduler: 'VP-Scheduler',
  FlipSigmas: 'Sigmas umkehren', ManualSigmas: 'Sigmas von Hand', SplitSigmas: 'Sigmas teilen', SplitSigmasDenoise: 'Sigmas nach Entrauschen teilen',
  EmptySD3LatentImage: 'Leeres SD3-Latent', EmptyLatentImage: 'Leeres Latent', VAEDecode: 'Dekodieren', VAEEncode: 'Kodieren', VAEDecodeTiled: 'In Kacheln dekodieren', VAEEncodeTiled: 'In Kacheln kodieren',
  VAEEncodeForInpaint: 'Zum Übermalen kodieren', SetLatentNoiseMask: 'Rauschmaske setzen', LoadLatent: 'Latent laden', SaveLatent: 'Latent speichern',
  LatentAdd: 'Latents addieren', LatentSubtract: 'Latents subtrahieren', LatentMultiply: 'Latent multiplizieren', LatentInterpolate: 'Latents interpolieren', LatentBlend: 'Latents mischen', LatentComposite: 'Latents zusammensetzen',
  LatentBatch: 'Latents stapeln', LatentFromBatch: 'Latent aus dem Stapel', RebatchLatents: 'Latents neu stapeln', RepeatLatentBatch: 'Latents wiederholen',
  LatentCrop: 'Latent zuschneiden', LatentFlip: 'Latent spiegeln', LatentRotate: 'Latent drehen', LatentUpscale: 'Latent vergrößern', LatentUpscaleBy: 'Latent um Faktor vergrößern',
  LoadImage: 'Bild laden', LoadImageMask: 'Bild als Maske laden', SaveImage: 'Bild speichern', SaveImageFormat: 'Bild speichern (JPEG, WebP)', SaveAnimatedPNG: 'Animiertes PNG speichern', SaveAnimatedWEBP: 'Animiertes WebP speichern',
  PreviewImage: 'Bildvorschau', PreviewAny: 'Vorschau von allem', EmptyImage: 'Leeres Bild', GetImageSize: 'Bildgröße lesen',
  ImageInvert: 'Bild umkehren', ImageBlend: 'Bilder mischen', ImageBlur: 'Bild weichzeichnen', ImageSharpen: 'Bild schärfen', ImageQuantize: 'Farben verringern', Canny: 'Canny-Kanten',
  ImageCrop: 'Bild zuschneiden', ImageFlip: 'Bild spiegeln', ImageRotate: 'Bild drehen', ImageScale: 'Bild vergrößern', ImageScaleBy: 'Bild um Faktor vergrößern', ImageScaleToTotalPixels: 'Bild auf Megapixel vergrößern',
  ImagePadForOutpaint: 'Bild zum Erweitern umranden', ImageCompositeMasked: 'Bild mit Maske einsetzen', ImageBatch: 'Bilder stapeln', ImageFromBatch: 'Bild aus dem Stapel', RebatchImages: 'Bilder neu stapeln', RepeatImageBatch: 'Bilder wiederholen',
  MaskPreview: 'Maskenvorschau', MaskToImage: 'Maske als Bild', ImageToMask: 'Bild als Maske', ImageColorToMask: 'Bildfarbe als Maske', SolidMask: 'Volle Maske', InvertMask: 'Maske umkehren', CropMask: 'Maske zuschneiden',
  FeatherMask: 'Maske weich auslaufen lassen', GrowMask: 'Maske wachsen lassen', MaskComposite: 'Masken zusammensetzen', ThresholdMask: 'Maske mit Schwelle',
  CheckpointSave: 'Checkpoint speichern', ModelSave: 'Modell speichern', CLIPSave: 'Encoder speichern', VAESave: 'VAE speichern', LoraSave: 'LoRA gewinnen und speichern',
  ModelMergeSimple: 'Modelle mischen', ModelMergeBlocks: 'Modelle nach Blöcken mischen', ModelMergeAdd: 'Modelle addieren', ModelMergeSubtract: 'Modelle subtrahieren', CLIPMergeSimple: 'Encoder mischen',
  ModelMergeSD35_Large: 'Modelle mischen (SD3.5 Large)', ModelMergeSD3_2B: 'Modelle mischen (SD3 Medium)',
  PrimitiveInt: 'Ganze Zahl', PrimitiveFloat: 'Zahl', PrimitiveString: 'Text', PrimitiveStringMultiline: 'Mehrzeiliger Text', PrimitiveBoolean: 'Schalter',
  Note: 'Notiz', MarkdownNote: 'Notiz (Markdown)', Reroute: 'Umleitung', PrimitiveNode: 'Wert', SubgraphInputs: 'Eingänge', SubgraphOutputs: 'Ausgänge',
};

const LABELS: NodeWords['labels'] = {
  ckpt_name: 'Datei', clip_name: 'Datei', clip_name1: 'CLIP 1', clip_name2: 'CLIP 2', clip_name3: 'CLIP 3', unet_name: 'Datei', vae_name: 'Datei',
  lora_name: 'Datei', control_net_name: 'Datei', filename_prefix: 'Dateiname', format: 'Format', quality: 'Qualität', lossless: 'verlustfrei', compress_level: 'Kompression', fps: 'Bilder je Sekunde', method: 'Verfahren',
  sampler_name: 'Sampler', sampler: 'Sampler', scheduler: 'Scheduler', seed: 'Seed', noise_seed: 'Seed', steps: 'Schritte', step: 'Schritt', start_at_step: 'ab Schritt', end_at_step: 'bis Schritt', cfg: 'CFG', cfg_conds: 'CFG der beiden', cfg_cond2_negative: 'CFG zum Negativ',
  denoise: 'Entrauschen', add_noise: 'Rauschen dazu', return_with_leftover_noise: 'Restrauschen lassen', noise: 'Rauschen', sigmas: 'Sigmas', sigma: 'Sigma', sigma_max: 'Sigma von', sigma_min: 'Sigma bis', rho: 'Rho', shift: 'Verschiebung', guider: 'Guider', latents: 'Latents',
  text: 'Text', clip_l: 'CLIP-L', clip_g: 'CLIP-G', t5xxl: 'T5', empty_padding: 'leer auffüllen', clip: 'Encoder', clip1: 'Encoder 1', clip2: 'Encoder 2', stop_at_clip_layer: 'letzte Schicht',
  positive: 'positiv', negative: 'negativ', conditioning: 'Konditionierung', conditioning_1: 'Konditionierung 1', conditioning_2: 'Konditionierung 2', conditioning_from: 'von', conditioning_to: 'zu', conditioning_to_strength: 'Anteil von „zu“', cond1: 'Konditionierung 1', cond2: 'Konditionierung 2', set_cond_area: 'Bereich',
  model: 'Modell', model1: 'Modell 1', model2: 'Modell 2', vae: 'VAE', control_net: 'ControlNet', strength: 'Stärke', strength_model: 'auf das Modell', strength_clip: 'auf die Encoder', weight_dtype: 'Zahlenformat', device: 'Gerät', type: 'Art',
  width: 'Breite', height: 'Höhe', batch_size: 'Anzahl', batch_index: 'Nummer im Stapel', length: 'Länge', amount: 'Anzahl', left: 'links', top: 'oben', right: 'rechts', bottom: 'unten', megapixels: 'Megapixel', scale_by: 'Faktor', scale: 'Stärke', crop: 'Zuschnitt', upscale_method: 'Verfahren', rotation: 'Drehung', flip_method: 'Richtung',
  image: 'Bild', image1: 'Bild 1', image2: 'Bild 2', images: 'Bilder', pixels: 'Bild', mask: 'Maske', color: 'Farbe', colors: 'Farben', channel: 'Kanal', dither: 'Rasterung', blend_mode: 'Mischart', blend_factor: 'Anteil', blur_radius: 'Radius', sharpen_radius: 'Radius', low_threshold: 'untere Schwelle', high_threshold: 'obere Schwelle',
  latent: 'Latent', latent_image: 'Latent', samples: 'Latent', samples1: 'Latent 1', samples2: 'Latent 2', samples_from: 'eingesetztes Latent', samples_to: 'Latent', destination: 'Ziel', source: 'Quelle', resize_source: 'Quelle anpassen', operation: 'Rechenart', feather: 'weicher Rand', feathering: 'weicher Rand', expand: 'Wachsen um', tapered_corners: 'runde Ecken', grow_mask_by: 'Maske wachsen um', tile_size: 'Kachelgröße', overlap: 'Überlappung',
  start: 'Anfang', end: 'Ende', start_percent: 'Anfang', end_percent: 'Ende', ratio: 'Anteil', multiplier: 'Faktor', value: 'Wert', layers: 'Schichten', double_layers: 'doppelte Schichten', single_layers: 'einfache Schichten', rescaling_scale: 'Neuskalierung', input: 'Eingang', middle: 'Mitte', out: 'Ausgang', rank: 'Rang', lora_type: 'Art',
};

const CATEGORIES: NodeWords['categories'] = {
  advanced: 'Erweitert', conditioning: 'Konditionierung', controlnet: 'ControlNet', guidance: 'Guidance', loaders: 'Laden', model: 'Modell', model_merging: 'Modelle mischen', model_specific: 'nach Modell',
  image: 'Bild', animation: 'Animation', batch: 'Stapel', postprocessing: 'Nachbearbeitung', preprocessors: 'Vorverarbeitung', transform: 'Umformen', upscaling: 'Vergrößern', latent: 'Latent', inpaint: 'Übermalen', sd3: 'SD3', mask: 'Maske',
  sampling: 'Sampling', custom_sampling: 'eigenes Sampling', guiders: 'Guider', noise: 'Rauschen', samplers: 'Sampler', schedulers: 'Scheduler', sigmas: 'Sigmas', utils: 'Hilfen', primitive: 'Werte', subgraphs: 'Teilgraphen', _for_testing: 'In Erprobung', other: 'Sonstige',
};

export const DE_NODES: NodeWords = { titles: TITLES, labels: LABELS, categories: CATEGORIES };
