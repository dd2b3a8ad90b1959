import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A function as this build knows it: `create or replace`, with its triggers and whom it is kept from, so that
 *  applying it again does no harm. */
export type DatabaseFunction = {
  readonly name: string;
  readonly text: string;
  /** Of the text: tells whether it was applied before. */
  readonly digest: string;
};

/** In this order, since some call others. */
const names = [
  'audit_genesis',
  'refuse_change',
  'check_chain_growth',
  'check_operation_move',
  'record_audit_events',
  'add_checkpoint',
  'disconnect_switched_off',
  'open_operation',
  'move_operation',
  'permit_sending',
  'end_unsent_operation',
];

/** All functions, each read from the file named for it. */
export const functions: readonly DatabaseFunction[] = names.map((name) => {
  const text = readFileSync(new URL(`${name.replaceAll('_', '-')}.sql`, import.meta.url), 'utf8');
  return { name, text, digest: createHash('sha256').update(text).digest('hex') };
});
