import { invalidFields } from '../problem-members.ts';
import { nothingDone, type ProblemRow } from '../problem-row.ts';

/** About the request itself: what is wrong with it, or with its conditions. */
export const requestProblems = {
  request_invalid: {
    status: 400,
    title: 'The request is not valid',
    hint: 'Correct the fields named and send it again.',
    members: { errors: invalidFields },
  },
  request_malformed: {
    status: 400,
    title: 'The request is malformed',
    hint: 'This is a defect of the calling program or of a proxy in between: report it with the request id.',
    nothingDone: { detail: nothingDone },
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    detail: 'The request did not arrive whole in time.',
    hint: 'Check the network, and send it again.',
    nothingDone: { detail: nothingDone },
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    detail: 'The request line and the headers have more than 16 KiB.',
    hint: 'Send fewer or shorter headers.',
    nothingDone: { detail: nothingDone },
  },
  body_incomplete: {
    status: 400,
    title: 'The body did not arrive whole',
    detail: 'The connection ended, or failed, before the whole body had arrived.',
    hint: 'Send the whole request again.',
    nothingDone: { detail: nothingDone },
  },
  body_not_json: {
    status: 400,
    title: 'The body cannot be read',
    hint: 'Send a JSON object, or no body at all.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    hint: 'Shorten it.',
  },
  media_type_unsupported: {
    status: 415,
    title: 'The body has a type this API does not take',
    hint: 'Send application/json, or no body at all.',
    headers: ['accept'],
  },
  idempotency_key_required: {
    status: 400,
    title: 'An idempotency key is required',
    detail: 'This tenant demands the header Idempotency-Key.',
    hint: 'Send a fresh key, such as a UUID, with each intent, and the same one with its repetitions.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    detail: 'The same Idempotency-Key came with another request before.',
    hint: 'Use a new key for a new intent.',
    nothingDone: { detail: nothingDone },
  },
  idempotency_key_in_use: {
    status: 409,
    title: 'The first call with this key is still running',
    detail: 'A call with the same Idempotency-Key has not ended yet.',
    hint: 'Repeat this call after the time in Retry-After to hear its answer.',
    headers: ['retry-after'],
  },
  precondition_required: {
    status: 428,
    title: 'The call must be conditional',
    hint: 'Read what the call is about, and send its ETag in If-Match.',
    nothingDone: { detail: nothingDone },
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this address',
    detail: 'This API has no such resource.',
    hint: 'See /openapi.json for the resources there are.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The resource does not take this method',
    hint: 'Use one of the methods in the Allow header.',
    headers: ['allow'],
  },
} as const satisfies Record<string, ProblemRow>;
