/** German words of the template gallery. Fetched with it. */
import type { TemplateWords } from './en_templates';

export const DE_TEMPLATES: TemplateWords = {
  title: 'Vorlagen', search: 'Vorlagen suchen', none: 'Keine Vorlage passt.', all: 'Was eine Vorlage braucht und diesem Server fehlt, steht dabei, mit dem Ort, wo es zu haben ist.',
  open: (title) => `${title} öffnen`,
  here: 'vorhanden', missing: 'fehlt', into: (folder) => `gehört nach ${folder}`, copy: (file) => `Befehl kopieren: ${file}`, page: (file) => `Seite zum Herunterladen: ${file}`, files: (title) => `Modelldateien von ${title}`,
  copyShort: 'Befehl kopieren', pageShort: 'Seite zum Herunterladen',
  about: {
    sd35_tiny: 'Ein kleines Bild in Sekunden, mit dem Modell, das zum Programm gehört. Gut zum Ausprobieren.',
    sd35_large: 'Die beste Qualität: 28 Schritte, der negative Prompt nur am Anfang, wie es die Hersteller des Modells empfehlen.',
    sd35_large_turbo: 'Fast ebenso gut in vier Schritten, ohne negativen Prompt.',
    sd35_medium: 'Braucht weniger Speicher und Zeit als Large; Skip-Layer-Guidance sorgt für bessere Anatomie.',
    sd35_large_controlnet: 'Hält sich an die Umrisse eines Bildes: Laden Sie es, und beschreiben Sie, was daraus werden soll.',
    sd35_large_inpaint: 'Malt einen Teil eines Bildes neu: Laden Sie es, malen Sie die Maske, und beschreiben Sie, was dorthin gehört.',
  },
};
