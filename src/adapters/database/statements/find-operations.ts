import { storedOperation } from './stored-operation.ts';

/** Takes ids. */
export const findOperations = {
  name: 'find-operations',
  text: `select ${storedOperation} from operations o where o.id = any($1)`,
} as const;
