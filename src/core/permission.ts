/** What a caller may do here. */
export const permissions = ['read_connection', 'disconnect', 'approve', 'read_audit'] as const;
export type Permission = (typeof permissions)[number];
