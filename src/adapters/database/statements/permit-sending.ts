/** Takes the operation's id, the status that is sent from, and how long the lease must last, in milliseconds,
 *  whether Intune may file a request for approval of it, and how long to wait for locks. */
export const permitSending = {
  name: 'permit-sending',
  text: 'select permit_sending($1, $2, $3, $4, $5) as permission',
} as const;
