import type { NotificationKind } from '../../core/notification.ts';
import { consequenceOfAct } from '../../core/operation/consequence.ts';

/** The fixed text of a notification: nothing in it comes from a caller. */
export type Wording = {
  /** What happened. */
  readonly title: string;
  /** What follows from it, or what is to be done. */
  readonly consequence: string;
};

const act = consequenceOfAct.consequence;

/** By kind. The compiler asks for the text of a new status. */
export const wordings: Readonly<Record<NotificationKind, Wording>> = {
  'operation.awaiting_approval': {
    title: 'Approval wanted: disconnect the ChromeOS connector',
    consequence: `Nothing was sent yet. A second person approves or rejects it. When it is approved, the requester can carry it out: ${act}`,
  },
  'operation.approved': {
    title: 'Approved: disconnect the ChromeOS connector',
    consequence: `Nothing was sent yet. The requester can carry it out until it expires: ${act}`,
  },
  'operation.rejected': {
    title: 'Rejected: disconnect the ChromeOS connector',
    consequence: 'It was not carried out, and it will not be.',
  },
  'operation.withdrawn': {
    title: 'Withdrawn: disconnect the ChromeOS connector',
    consequence: 'It was not carried out, and it will not be.',
  },
  'operation.expired': {
    title: 'Expired: disconnect the ChromeOS connector',
    consequence: 'It was not carried out, and it will not be. To disconnect after all, ask for it again.',
  },
  'operation.sent': {
    title: 'Being carried out: disconnect the ChromeOS connector',
    consequence: act,
  },
  'operation.awaiting_intune_approval': {
    title: 'Approval wanted in Intune: disconnect the ChromeOS connector',
    consequence: `Intune itself requires an approval, and sends no message about it. Somebody must approve or reject the request in Intune, under Multi Admin Approval. Completing it there carries it out: ${act}`,
  },
  'operation.approved_in_intune': {
    title: 'Approved in Intune: disconnect the ChromeOS connector',
    consequence: `Nothing was carried out yet. The requester can carry it out, here or in Intune, until it expires: ${act}`,
  },
  'operation.accepted': {
    title: 'Accepted by Intune: disconnect the ChromeOS connector',
    consequence: `Intune has begun. ${act}`,
  },
  'operation.completed': {
    title: 'Completed: the ChromeOS connector is disconnected',
    consequence:
      "Intune's connection to Google's ChromeOS management is gone. Connecting again starts from nothing.",
  },
  'operation.failed': {
    title: 'Failed: the ChromeOS connector was not disconnected',
    consequence: 'Graph or the connection shows that it was not disconnected. The explanation says more.',
  },
  'operation.unknown': {
    title: 'Unknown: nobody knows whether the ChromeOS connector was disconnected',
    consequence:
      'It may have been disconnected, or not. Check the connection in Intune before anybody tries again.',
  },
  'switch.off': {
    title: 'Disconnecting was switched off',
    consequence: 'Every disconnect is refused until an operator switches it on again.',
  },
  'switch.on': {
    title: 'Disconnecting was switched on again',
    consequence: 'Disconnects are possible again, unless another switch is off.',
  },
  'history.lost': {
    title: 'The database has lost audit events that were on record',
    consequence: 'Disconnects are refused until an operator acknowledges the loss.',
  },
  'history.acknowledged': {
    title: 'The loss of audit events was acknowledged',
    consequence: 'Disconnects are possible again.',
  },
  'history.contradicted': {
    title: 'The audit trail contradicts what was signed of it',
    consequence:
      'The trail is no longer signed. Somebody may have changed it: an operator must investigate it now.',
  },
};
