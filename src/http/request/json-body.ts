import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { CallFailed, type Failure } from '../../core/failure.ts';
import { contextOf } from '../middleware/request-context.ts';
import { bringsNoHttp, followedByNoHttp } from '../server/broken-requests.ts';
import { receiveBody } from './arriving-body.ts';
import { repeatedMember } from './repeated-member.ts';
import { shown, validate } from './validate.ts';

/** The largest body any route takes, in bytes. */
const bodyLimit = 16 * 1024;

/** Begins to read the body as it arrives, before any handler asks for it. */
export const receiveBodies: RequestHandler = (request, response, next) => {
  contextOf(response).body = receiveBody(request, bodyLimit);
  next();
};

/** The body, parsed with `schema`; `null` if there is none. Waits until it has arrived, which is
 *  why no handler asks before the caller is known. Fails with `body_incomplete`, or with what else is wrong. */
export async function jsonBody<Schema extends z.ZodType>(
  request: Request,
  response: Response,
  schema: Schema,
): Promise<z.infer<Schema> | null> {
  const body = await contextOf(response).body;
  if (body.state === 'too_large') throw new CallFailed({ reason: 'body_too_large', limit: bodyLimit });
  if (body.state === 'incomplete') throw new CallFailed({ reason: 'body_incomplete' });
  if (bringsNoHttp(request.socket)) throw new CallFailed(followedByNoHttp);
  if (body.state === 'none') return null;
  requireMediaType(request);
  return validate(schema, parse(body.bytes));
}

function requireMediaType({ headers }: Request): void {
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new CallFailed({
      reason: 'media_type_unsupported',
      detail: 'The body must not be compressed.',
    });
  }
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(headers['content-type'] ?? '')) {
    throw new CallFailed({
      reason: 'media_type_unsupported',
      detail: 'The body must be application/json in UTF-8, or there must be none.',
    });
  }
}

function parse(bytes: Buffer): unknown {
  const text = textOf(bytes);
  try {
    const value: unknown = JSON.parse(text);
    const field = repeatedMember(text);
    if (field === null) return value;
    throw new CallFailed({
      reason: 'request_invalid',
      issues: [{ field: shown(field), message: 'must be given once' }],
    });
  } catch (error) {
    throw error instanceof SyntaxError ? new CallFailed(noJson) : error;
  }
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CallFailed(noJson);
  }
}

const noJson: Failure = { reason: 'body_not_json', detail: 'The body is not JSON in UTF-8.' };
