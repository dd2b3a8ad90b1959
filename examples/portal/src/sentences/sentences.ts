import { en, type Sentences } from './en.ts';

// A language is a file beside en.ts, and its name here.
const languages: Readonly<Record<string, Sentences>> = { en };

const preferred = navigator.languages.map((tag) => tag.split('-')[0] ?? '').find((tag) => tag in languages);

/** Every sentence of this portal, in the person's language as far as there is one. */
export const say: Sentences = languages[preferred ?? 'en'] ?? en;
