/** What the demo shows of an audit event, as the API gives it. */
export type RecordedEvent = {
  time: string;
  event: string;
  result: string;
  actor: { name: string | null };
  operationId: string | null;
  requestId: string;
  graphRequestId: string | null;
  reason: string | null;
  ticket: string | null;
  value: string | null;
  explanation: string | null;
  durationMs: number | null;
  connection: { id: string; status: string } | null;
};

const COLUMNS = 78; // two less than a terminal: everything is indented

/** What was recorded of one operation, as lines: who and why once, then what happened, oldest first. */
export function recordLines(events: readonly RecordedEvent[]): string[] {
  const inOrder = events.toSorted((one, other) => one.time.localeCompare(other.time));
  const [first] = inOrder;
  if (first === undefined) return [];
  const graphRequestId = inOrder.find((event) => event.graphRequestId !== null)?.graphRequestId;
  const facts: [string, string | null | undefined][] = [
    ['who', first.actor.name],
    ['why', first.reason],
    ['ticket', first.ticket],
    ['connection', first.connection && `${first.connection.id}, ${first.connection.status}`],
    ['operation', first.operationId],
    ['call', `${first.requestId} (client-request-id)`],
    ['at Graph', graphRequestId && `${graphRequestId} (request-id)`],
  ];
  return [
    ...facts.flatMap(([name, value]) => (value ? wrap(name.padEnd(12), value) : [])),
    '',
    ...inOrder.flatMap((event) =>
      wrap(`${event.time.slice(11, 23)}  ${event.event.padEnd(8)} ${event.result.padEnd(11)}`, says(event)),
    ),
  ];
}

function says({ event, actor, value, durationMs, explanation }: RecordedEvent): string {
  if (event === 'attempt') return 'on record before Graph is called';
  if (event === 'read') return `by ${actor.name}`;
  const said =
    value === null ? '' : `Graph says "${value}"${durationMs === null ? '' : `, in ${durationMs} ms`}`;
  return [said, explanation ?? ''].filter(Boolean).join('. ');
}

/** The text beside its head, in as many lines as it takes. */
function wrap(head: string, text: string): string[] {
  const lines = [head];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    const longer = `${line} ${word}`;
    if (longer.length <= COLUMNS || line === head) lines[lines.length - 1] = longer;
    else lines.push(`${' '.repeat(head.length)} ${word}`);
  }
  return lines.map((line) => line.trimEnd());
}
