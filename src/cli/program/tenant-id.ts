/** Whether a text is a tenant's id as it is stored: a GUID in lower case. */
export function isTenantId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
