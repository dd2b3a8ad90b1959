import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A function as this build knows it: `create or replace`, with its triggers and revoked rights, so that
 *  applying it again does no harm. */
export type DatabaseFunction = {
  readonly name: string;
  readonly text: string;
  /** Of the text: shows whether it was applied before. */
  readonly digest: string;
};

/** In this order, since some call others. */
const names = [
  'audit_genesis',
  'refuse_change',
  'check_chain_growth',
  'keep_chain_head',
  'check_operation_move',
  'prepare_recording',
  'queue_notification',
  'audit_history_holds',
  'require_history',
  'report_lost_history',
  'acknowledge_lost_history',
  'lock_chain_head',
  'record_audit_events',
  'add_checkpoint',
  'chain_head',
  'require_event',
  'disconnect_switched_off',
  'open_operation',
  'move_operation',
  'permit_sending',
  'end_unsent_operation',
  'claim_read',
  'switch_disconnect',
  'report_contradiction',
  'pending_notifications',
  'claim_notifications',
  'record_delivery',
  'prune_notifications',
];

/** All functions, each read from the file named for it. */
export const functions: readonly DatabaseFunction[] = names.map((name) => {
  const text = readFileSync(new URL(`${name.replaceAll('_', '-')}.sql`, import.meta.url), 'utf8');
  return { name, text, digest: createHash('sha256').update(text).digest('hex') };
});
