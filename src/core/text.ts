// C0 but tab and line feed, DEL, C1, and what overrides, embeds or isolates the direction of text: a terminal, and
// partly a browser, obeys them instead of showing them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they are.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
const allControls = new RegExp(controls, 'g');

/** Whether a text has a character that does something instead of being shown; tab and line feed apart. */
export function hasControlCharacters(text: string): boolean {
  return controls.test(text);
}

/** A text in which those characters are spelled out, as JSON escapes them; in JSON it means the same. */
export function printable(text: string): string {
  return text.replace(
    allControls,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
