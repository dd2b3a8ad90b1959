/** What a caller may do here. */
export type Permission = 'read_connection' | 'disconnect' | 'approve' | 'read_audit';
