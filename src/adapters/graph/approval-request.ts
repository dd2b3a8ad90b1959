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

/** What Intune says of the request with this code, in its own word; `null` where the list has none such. `undefined`
 *  where the text is no list of requests: then nobody knows. */
export function approvalWordIn(text: string, code: string): string | null | undefined {
  const parsed = requests.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const found = parsed.data.value.filter(({ requestId, id }) => {
    const named = requestId ?? id;
    return named == null || named.toLowerCase() === code;
  });
  const [request] = found;
  return found.length === 1 && request !== undefined ? request.status : null;
}
