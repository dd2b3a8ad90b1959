/** The database's clock, in milliseconds since the epoch. */
export const databaseTime = {
  name: 'database-time',
  text: 'select floor(extract(epoch from clock_timestamp()) * 1000) as ms',
} as const;
