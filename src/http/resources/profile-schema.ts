import { z } from 'zod';
import type { Permission } from '../../core/permission.ts';

const permissions = {
  read_connection: true,
  disconnect: true,
  approve: true,
  read_audit: true,
} satisfies Record<Permission, true>;

export const profile = z
  .object({
    oid: z.string(),
    tenantId: z.guid(),
    name: z.string().nullable().describe('For display; not an identifier.'),
    roles: z
      .array(z.string())
      .describe('The app roles of the token, as they are called in this installation.'),
    permissions: z.array(z.enum(Object.keys(permissions) as Permission[])).describe('What they allow here.'),
  })
  .meta({ id: 'Profile', description: 'Who the caller is, and what they may do.' });
