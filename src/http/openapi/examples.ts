import examples from './examples.json' with { type: 'json' };

/** Real answers, as a test got them from the running service: problems by code, and what each operation
 *  answers, by status and by a name. */
type Examples = {
  readonly problems: Readonly<Record<string, unknown>>;
  readonly answers: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
};
const { problems, answers }: Examples = examples;

type Shown = Record<string, { value: unknown }>;

/** What an operation answered with a status. */
export function answerExamples(operationId: string, status: string): Shown {
  return shown(answers[operationId]?.[status] ?? {});
}

/** A problem of each code that a test can bring about. */
export const problemExamples: Shown = shown(problems);

function shown(values: Readonly<Record<string, unknown>>): Shown {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}
