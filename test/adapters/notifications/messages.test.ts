import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { adaptiveCardOf } from '../../../src/adapters/notifications/adaptive-card.ts';
import { cloudEventOf } from '../../../src/adapters/notifications/cloud-event.ts';
import { messageOf } from '../../../src/adapters/notifications/message.ts';
import { wordings } from '../../../src/adapters/notifications/wording.ts';
import { kindOf, type Notification, notificationTypes, typeOf } from '../../../src/core/notification.ts';
import { consequenceOfAct } from '../../../src/core/operation/consequence.ts';
import { sampleEvent } from '../../support/audit.ts';
import { sampleNotification } from '../../support/sample-notification.ts';

const told = { keepNames: true, portalUrl: 'https://portal.example.com/operations/{operationId}' };

/** CloudEvents 1.0.2, as its JSON format says, with the names that attributes may have. */
const cloudEvent = addFormats.default(new Ajv2020.default()).compile({
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', minLength: 1 },
    source: { type: 'string', minLength: 1, format: 'uri-reference' },
    type: { type: 'string', minLength: 1 },
    subject: { type: 'string', minLength: 1 },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { const: 'application/json' },
    data: { type: 'object' },
  },
  additionalProperties: { type: 'string' },
  propertyNames: { pattern: '^[a-z0-9]{1,20}$' },
});

describe('what receivers are told', () => {
  test('each type is a CloudEvent with words of its own', () => {
    const summaries = new Set<string>();
    for (const type of notificationTypes) {
      const text = cloudEventOf(messageOf({ ...sampleNotification(), type }, told));
      assert.ok(cloudEvent(JSON.parse(text)), JSON.stringify(cloudEvent.errors));
      const event = JSON.parse(text);
      assert.equal(event.summary, wordings[kindOf(type)].title);
      summaries.add(event.summary);
    }
    assert.equal(summaries.size, notificationTypes.length);
  });

  test('who must decide or executes reads what the dry run says', () => {
    for (const kind of ['operation.awaiting_approval', 'operation.approved', 'operation.sent'] as const) {
      const { consequence } = messageOf({ ...sampleNotification(), type: typeOf(kind) }, told);
      assert.ok(consequence.includes(consequenceOfAct.consequence), kind);
    }
  });

  test('names are told only where they are kept; of operators there is nothing else to tell', () => {
    const notification = sampleNotification();
    const texts = (keepNames: boolean) => {
      const message = messageOf(notification, { ...told, keepNames });
      return [cloudEventOf(message), adaptiveCardOf(message)];
    };
    const names = /Zoë Adminová|Alice Requester|owner@contoso\.example/;
    for (const text of texts(true)) assert.match(text, names);
    for (const text of texts(false)) {
      assert.doesNotMatch(text, names);
      assert.match(text, /ad31f0c0-0000-4000-8000-000000000001/);
    }
    const event = sampleEvent('t', { actor: { ...sampleEvent('t').actor, kind: 'operator', name: 'alice' } });
    const message = messageOf({ ...notification, event }, { ...told, keepNames: false });
    assert.equal(message.by?.name, 'alice');
  });

  test('addresses, request ids, portals and keys are told nobody', () => {
    const notification = sampleNotification();
    const event = { ...sampleEvent('t'), requestId: 'not-told-1', graphRequestId: 'not-told-2' };
    const operation = { ...notification.operation, requestId: 'not-told-3', idempotencyKey: 'not-told-4' };
    const full = { ...notification, event, operation, detail: { secret: 'not-told-5' } } as Notification;
    const message = messageOf(full, told);
    for (const text of [cloudEventOf(message), adaptiveCardOf(message)]) {
      assert.doesNotMatch(text, /not-told|203\.0\.113\.7|clientId|portal-client/);
    }
  });

  test('a link only where settings say how, and only to an operation', () => {
    const notification = sampleNotification();
    const id = notification.operation?.id;
    const link = (value: Notification, portalUrl: string | null) =>
      JSON.parse(cloudEventOf(messageOf(value, { ...told, portalUrl }))).link;
    assert.equal(link(notification, told.portalUrl), `https://portal.example.com/operations/${id}`);
    assert.equal(link(notification, null), undefined);
    const off = { ...notification, type: typeOf('switch.off'), operation: null };
    assert.equal(link(off, told.portalUrl), undefined);
    assert.equal(JSON.parse(adaptiveCardOf(messageOf(off, told))).attachments[0].content.actions, undefined);
  });

  test('what concerns all tenants names none, and what is on record nowhere else says itself', () => {
    const nowhere = { ...sampleNotification(), event: null, operation: null };
    const lost = messageOf({ ...nowhere, type: typeOf('history.lost'), detail: { number: 7 } }, told);
    assert.equal(lost.explanation, 'Events up to 7 had been on record.');
    assert.equal(lost.time, nowhere.queuedAt);
    const detail = { reason: 'changed', message: 'event 3 differs' };
    const contradicted = messageOf({ ...nowhere, type: typeOf('history.contradicted'), detail }, told);
    assert.equal(contradicted.explanation, 'event 3 differs');
    for (const tenantId of [null, 'none']) {
      const event = JSON.parse(cloudEventOf(messageOf({ ...nowhere, tenantId }, told)));
      assert.deepEqual([event.source, event.data.tenantId], ['/chromeos-connector-bff', null]);
    }
  });

  // Text blocks and facts know Markdown; text runs do not.
  test('in a card nothing that a caller wrote stands where Markdown, or a function, is understood', () => {
    const markdown = '[Approve here](https://evil.example) **bold** {{DATE(2017-02-14T06:08:00Z)}} {{{x';
    fc.assert(
      fc.property(fc.oneof(fc.constant(markdown), fc.string({ unit: 'binary' })), (text) => {
        const notification = sampleNotification();
        const { operation } = notification;
        assert.ok(operation);
        const event = sampleEvent('t', {
          reason: text,
          ticket: text,
          explanation: text,
          actor: { ...sampleEvent('t').actor, name: text },
        });
        const from = {
          ...notification,
          event,
          operation: { ...operation, requester: { ...operation.requester, name: text } },
        };
        const card = JSON.parse(adaptiveCardOf(messageOf(from, told))).attachments[0].content;
        for (const block of card.body) {
          if (block.type === 'TextBlock') {
            const { title, consequence } = wordings[kindOf(notification.type)];
            assert.ok([title, consequence].includes(block.text));
            continue;
          }
          assert.equal(block.type, 'RichTextBlock');
          for (const run of block.inlines) {
            assert.equal(run.type, 'TextRun');
            assert.doesNotMatch(run.text, /\{\{/);
          }
        }
        assert.deepEqual(
          card.actions.map(({ url }: { url: string }) => url),
          [`https://portal.example.com/operations/${operation.id}`],
        );
      }),
      { numRuns: 50 },
    );
  });
});
