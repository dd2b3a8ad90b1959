import { randomUUID } from 'node:crypto';
import { connectionPath, disconnectPath, eventsPath } from './service.ts';

/** Every resource of the API, and the methods it takes. */
export const resources: readonly (readonly [path: string, methods: readonly string[]])[] = [
  [connectionPath, ['GET', 'HEAD']],
  [disconnectPath, ['POST']],
  ['/api/v1/operations', ['GET', 'HEAD']],
  [`/api/v1/operations/${randomUUID()}`, ['GET', 'HEAD']],
  [`/api/v1/operations/${randomUUID()}/approve`, ['POST']],
  [`/api/v1/operations/${randomUUID()}/reject`, ['POST']],
  [`/api/v1/operations/${randomUUID()}/execute`, ['POST']],
  [eventsPath, ['GET', 'HEAD']],
  ['/api/v1/audit/actors', ['GET', 'HEAD']],
  ['/api/v1/audit/export', ['GET', 'HEAD']],
  ['/api/v1/audit/verification', ['GET', 'HEAD']],
  ['/api/v1/me', ['GET', 'HEAD']],
  ['/openapi.json', ['GET', 'HEAD']],
  ['/docs/errors', ['GET', 'HEAD']],
];
