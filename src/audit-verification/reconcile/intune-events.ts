import { parseCsv } from './csv.ts';

/** One event of Intune's own audit log, as far as it is compared. What the file does not say is `null`. */
export type IntuneEvent = {
  /** The `client-request-id` of the call that it records. */
  readonly correlationId: string | null;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly userId: string | null;
  readonly userName: string | null;
  readonly application: string | null;
  /** What was done, in Intune's words. */
  readonly activity: string;
  readonly succeeded: boolean | null;
};

/** Reads what Intune exports: Graph's `auditEvents` as a collection, an array, one event or one a line, or the CSV of the
 *  admin center. Throws where it is none of them. */
export function parseIntuneEvents(text: string): IntuneEvent[] {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') throw new Error('the file of Intune is empty');
  if (!/^[[{]/.test(trimmed)) return parseCsv(trimmed).map(fromCsv);
  return jsonValues(trimmed).map(fromGraph);
}

/** Whether an event is a disconnect of the ChromeOS connector, by Intune's words for it. */
export function isDisconnect({ activity }: IntuneEvent): boolean {
  return /chrome\s?os|chromebook/i.test(activity) && /disconnect|offboard/i.test(activity);
}

type GraphEvent = Readonly<Record<string, unknown>>;

function jsonValues(text: string): GraphEvent[] {
  let values: unknown[];
  try {
    values = [JSON.parse(text)];
  } catch {
    values = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line, index) => {
        try {
          return JSON.parse(line);
        } catch {
          throw new Error(`line ${index + 1} of the file of Intune is not JSON`);
        }
      });
  }
  // Pages of a collection, arrays, and events themselves.
  return values
    .flat()
    .flatMap((value) => (isObject(value) && Array.isArray(value.value) ? value.value : [value]))
    .map((value) => {
      if (!isObject(value) || textIn(value.activityDateTime) === null) {
        throw new Error('the file of Intune has something that is no audit event of Graph');
      }
      return value;
    });
}

function fromGraph(event: GraphEvent): IntuneEvent {
  const actor = isObject(event.actor) ? event.actor : {};
  const resources = Array.isArray(event.resources) ? event.resources.filter(isObject) : [];
  const result = textIn(event.activityResult);
  return {
    correlationId: textIn(event.correlationId)?.toLowerCase() ?? null,
    at: timeOf(event.activityDateTime),
    userId: textIn(actor.userId),
    userName: textIn(actor.userPrincipalName),
    application: textIn(actor.applicationDisplayName),
    activity: [
      ...[
        event.displayName,
        event.activity,
        event.activityType,
        event.activityOperationType,
        event.componentName,
      ],
      ...resources.map(({ auditResourceType }) => auditResourceType),
    ]
      .map(textIn)
      .filter((words) => words !== null)
      .join(' | '),
    succeeded: result === null ? null : /^success/i.test(result),
  };
}

function fromCsv(row: Record<string, string>): IntuneEvent {
  const column = (pattern: RegExp) => {
    const name = Object.keys(row).find((candidate) => pattern.test(candidate));
    return name === undefined ? null : textIn(row[name]);
  };
  const date = column(/^(activity )?date/i);
  if (date === null) throw new Error('the CSV of Intune has no column Date, or a row without one');
  const status = column(/^(status|result|activity ?result)/i);
  return {
    correlationId: column(/correlation/i)?.toLowerCase() ?? null,
    at: timeOf(date),
    userId: column(/^(actor|user) ?(object )?id$/i),
    userName: column(/^initiated by|^actor$|user ?principal ?name/i),
    application: column(/^application/i),
    activity: [column(/^activity$/i), column(/^target/i), column(/^category/i)]
      .filter((words) => words !== null)
      .join(' | '),
    succeeded: status === null ? null : /^success/i.test(status),
  };
}

function timeOf(value: unknown): number {
  const at = Date.parse(String(value));
  if (Number.isNaN(at)) throw new Error('the file of Intune has a date that cannot be read');
  return at;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
