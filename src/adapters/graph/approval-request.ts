import { z } from 'zod';
import { parseJson } from '../outbound/json.ts';
import { storable } from '../outbound/storable.ts';

// The filter names the code; an answer that shows other requests as well is not about this one.
const requests = z.looseObject({
  value: z.array(
    z.looseObject({
      requestId: z.string().nullish(),
      id: z.string().nullish(),
      status: z.string().min(1).max(128).transform(storable),
    }),
  ),
});

/** Intune's `status` of the request with this code; `null` where the list has no such request. `undefined` where the
 *  text is no list of requests: then nothing is known. */
export function approvalStatusIn(text: string, code: string): string | null | undefined {
  const parsed = requests.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const found = parsed.data.value.filter(({ requestId, id }) => {
    const named = requestId ?? id;
    return named == null || named.toLowerCase() === code;
  });
  const [request] = found;
  return found.length === 1 && request !== undefined ? request.status : null;
}
