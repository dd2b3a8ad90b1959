// A string with the colon that makes it a name, or a bracket. In valid JSON nothing else matches.
const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;

/** The path of the first member that an object in `json` has twice; `null` where there is none. `JSON.parse`
 *  silently keeps the last of them (RFC 8259 4 allows it). `json` must be text that `JSON.parse`
 *  takes. */
export function repeatedMember(json: string): string | null {
  // Of each object or array around: the names it has had, and the one whose value is being read.
  const around: { readonly names: Set<string>; name: string }[] = [];
  for (const [token, colon] of json.matchAll(tokens)) {
    if (token === '{' || token === '[') around.push({ names: new Set(), name: '' });
    else if (token === '}' || token === ']') around.pop();
    else if (colon !== undefined) {
      const object = around.at(-1);
      const name: string = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      if (object === undefined) return null;
      object.name = name;
      if (object.names.has(name)) return pathOf(around);
      object.names.add(name);
    }
  }
  return null;
}

function pathOf(around: readonly { readonly name: string }[]): string {
  return around
    .map(({ name }) => name)
    .filter((name) => name !== '')
    .join('.');
}
