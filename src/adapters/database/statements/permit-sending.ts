/** Takes the operation's id, the status that is sent from, and how long the lease must last, in milliseconds. */
export const permitSending = {
  name: 'permit-sending',
  text: 'select permit_sending($1, $2, $3) as permission',
} as const;
