/** English words of the template gallery. Fetched with it. */
export const EN_TEMPLATES = {
  title: 'Templates', search: 'Search templates', none: 'No template matches.', all: 'What a template needs and this server lacks is listed with where to get it.',
  open: (title: string) => `Open ${title}`,
  here: 'here', missing: 'missing', into: (folder: string) => `belongs in ${folder}`, copy: (file: string) => `Copy command: ${file}`, page: (file: string) => `Download page: ${file}`, files: (title: string) => `Model files of ${title}`,
  copyShort: 'Copy command', pageShort: 'Download page',
  about: {
    sd35_tiny: 'A small picture within seconds, on the model that comes with the program. Good for trying things out.',
    sd35_large: 'The best quality: 28 steps, with the negative prompt only at the beginning, as the makers of the model advise.',
    sd35_large_turbo: 'Almost as good in four steps, without a negative prompt.',
    sd35_medium: 'Less memory and time than Large, with skip-layer guidance for better anatomy.',
    sd35_large_controlnet: 'Keeps to the outlines of a picture of yours: load it, and describe what it is to become.',
    sd35_large_inpaint: 'Paints a part of a picture anew: load it, paint the mask, and describe what belongs there.',
  } as Readonly<Record<string, string>>,
};

export type TemplateWords = typeof EN_TEMPLATES;
