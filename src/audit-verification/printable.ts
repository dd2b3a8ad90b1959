// C0 except tab and line feed, DEL, C1, and what changes the direction of text: a terminal acts on them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they are.
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text that is safe to print on a terminal: control characters are escaped. */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
