/** Takes chain, number and link in hexadecimal. */
export const reportLostHistory = {
  name: 'report-lost-history',
  text: "select report_lost_history($1, $2, decode($3, 'hex')) as lost",
} as const;
