import { printable } from '../../core/text.ts';
import type { Message } from './message.ts';

export const adaptiveCardType = 'application/json; charset=utf-8';

/** As Teams' workflow webhooks take it: a message with one adaptive card. What callers wrote goes into text runs, which
 *  render no Markdown; in a text block, a reason could contain links. */
export function adaptiveCardOf(message: Message): string {
  const facts = factsOf(message).filter((fact): fact is [string, string] => fact[1] !== null);
  return JSON.stringify({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            { type: 'TextBlock', text: message.title, size: 'Medium', weight: 'Bolder', wrap: true },
            ...facts.map(([label, value]) => ({
              type: 'RichTextBlock',
              spacing: 'Small',
              inlines: [
                { type: 'TextRun', text: `${label}: `, weight: 'Bolder' },
                { type: 'TextRun', text: plain(value) },
              ],
            })),
            { type: 'TextBlock', text: message.consequence, wrap: true, spacing: 'Medium' },
          ],
          ...(message.link === null
            ? {}
            : { actions: [{ type: 'Action.OpenUrl', title: 'Open in the portal', url: message.link }] }),
        },
      },
    ],
  });
}

function factsOf(message: Message): [string, string | null][] {
  const { by, requester, connection } = message;
  return [
    ['Tenant', message.tenantId],
    ['Requester', requester && (requester.name ?? requester.oid)],
    ['By', by && (by.name ?? by.oid)],
    ['Reason', message.reason],
    ['Ticket', message.ticket],
    ['Explanation', message.explanation],
    ['Connection of', connection?.owner ?? null],
    ['Operation', message.operationId],
    ['Intune’s request', message.intuneApprovalCode],
    ['Expires', message.expiresAt],
    ['Time', message.time],
  ];
}

/** Text runs still replace one function, `{{DATE(…)}}`. A zero-width space between the braces prevents it. */
function plain(text: string): string {
  return printable(text).replace(/\{(?=\{)/g, '{\u200b');
}
