import { z } from 'zod';
import { CallFailed, type ValidationIssue } from '../../core/failure.ts';
import { hasControlCharacters } from '../../core/text.ts';

/** Text a person wrote, of at most `maximum` characters (code points) in any language. */
export const boundedText = (maximum: number) =>
  z
    .string('must be a string')
    .refine((value) => [...value].length <= maximum, `must have at most ${maximum} characters`)
    .refine(
      (value) => value.isWellFormed() && !hasControlCharacters(value),
      'must be well-formed text without control characters, tab and line feed apart',
    )
    // JSON Schema counts code points too.
    .meta({ maxLength: maximum });

// Thousands of unknown names fit into an address; a list of them would not help the sender.
const maxIssues = 20;

/** `value`, parsed with `schema`. Fails with `request_invalid`, which names each field. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CallFailed({ reason: 'request_invalid', issues: issuesIn(parsed.error) });
}

function issuesIn({ issues }: z.ZodError): ValidationIssue[] {
  return issues.flatMap(issuesOf).slice(0, maxIssues);
}

function issuesOf(issue: z.core.$ZodIssue): ValidationIssue[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [{ field: path, message: issue.message }];
  return issue.keys.map((key) => ({ field: shown(key), message: 'is not something this call takes' }));
}

/** A name the caller chose, shortened. */
export function shown(name: string): string {
  return name.slice(0, 100);
}
