// C0 but tab and line feed, DEL, C1, and what turns the direction of text: a terminal obeys them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they are.
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text in which no character does anything to a terminal: those are spelled out. */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
