import { hash } from 'node:crypto';

/** How a chain is made, in the terms the verifier needs; `record_audit_events` in the database does the
 *  same. A link is the SHA-256 of the link before it and of the event's digest, so that an event can be
 *  left out of an export and its digest kept. */

/** The link before a chain's first event: it binds the chain to its name. */
export function genesisOf(chain: string): Buffer {
  return sha256(Buffer.from(`chromeos-connector-bff audit chain ${chain}`, 'utf8'));
}

/** The digest of an event's stored text, which is canonical JSON (RFC 8785). */
export function digestOf(text: string): Buffer {
  return sha256(Buffer.from(text, 'utf8'));
}

export function nextLink(previous: Buffer, digest: Buffer): Buffer {
  return sha256(Buffer.concat([previous, digest]));
}

function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer');
}
