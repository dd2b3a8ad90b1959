/** What each client is asked to do with the service, and what it must be able to say of it. */
export type Told = {
  readonly etag: string | null;
  readonly would: string | undefined;
  readonly operationId: string | undefined;
  readonly replayed: string | null;
  readonly retryAfter: string | null;
  readonly status: string | undefined;
  readonly code: string | undefined;
};

export type Story = (api: string, token: string) => Promise<Told>;

export const key = '2f0d3a52-4f5c-4d0e-9a52-7a4f6a0c9b11';
export const why = { reason: 'moving', ticket: 'CHG-1' };
