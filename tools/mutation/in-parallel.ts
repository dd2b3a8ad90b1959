/** Does the work for each input, so many at once. */
export async function inParallel<Input>(
  inputs: readonly Input[],
  jobs: number,
  work: (input: Input) => Promise<void>,
): Promise<void> {
  const waiting = [...inputs];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}
