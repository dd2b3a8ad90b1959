import type { oas32 } from 'zod-openapi';

/** Names the problem responses that operations have in common, so that each is in the document once:
 *  `Problem401`, `Problem401B` and so on, in the order in which they are met. Gives them by name. */
export function shareProblemResponses(paths: oas32.PathsObject): Record<string, oas32.ResponseObject> {
  const names = new Map<string, string>();
  const shared: Record<string, oas32.ResponseObject> = {};
  for (const { get, post } of Object.values(paths)) {
    const responses: oas32.ResponsesObject = (get ?? post)?.responses ?? {};
    for (const [status, response] of Object.entries(responses)) {
      if ('$ref' in response || !('application/problem+json' in (response.content ?? {}))) continue;
      const key = JSON.stringify(response);
      const name = names.get(key) ?? nextName(`Problem${status}`, shared);
      names.set(key, name);
      shared[name] = response;
      responses[status] = { $ref: `#/components/responses/${name}` };
    }
  }
  return shared;
}

function nextName(base: string, taken: object): string {
  const letters = ['', ...'BCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const letter = letters.find((candidate) => !(`${base}${candidate}` in taken));
  return `${base}${letter}`;
}
