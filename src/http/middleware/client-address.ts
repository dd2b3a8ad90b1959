import { isIP } from 'node:net';
import type { Request } from 'express';

export type ClientAddressOptions = {
  /** How many reverse proxies in front of us are trusted; 0: `X-Forwarded-For` is not looked at. */
  readonly trustedProxies: number;
  /** Called once, for a header that has no address where there should be one. */
  readonly onNoAddress: () => void;
};

/** Finds where a request came from: the peer, or what the trusted proxies say. Each proxy appends the address it
 *  was called from, so the entries count from the right; what is further left was written by the caller and proves
 *  nothing. An entry that names no address (`unknown`, `_hidden`) leaves the address of the nearest proxy that is
 *  known. */
export function clientAddress({
  trustedProxies,
  onNoAddress,
}: ClientAddressOptions): (request: Request) => string {
  let reported = false;
  return ({ socket, headers }) => {
    const peer = asIPv4(socket.remoteAddress ?? '');
    const forwarded = headers['x-forwarded-for'];
    if (trustedProxies === 0 || forwarded === undefined) return peer;
    const entries = entriesFromRight(String(forwarded), trustedProxies);
    const addresses = entries.map(addressIn);
    if (addresses.at(-1) === null && !reported) {
      reported = true;
      onNoAddress();
    }
    return addresses.findLast((address) => address !== null) ?? peer;
  };
}

/** The last entries, the last one first. The rest of the header, which may be long, is not looked at. */
function entriesFromRight(header: string, count: number): string[] {
  const entries: string[] = [];
  let end = header.length;
  while (entries.length < count && end >= 0) {
    const comma = end === 0 ? -1 : header.lastIndexOf(',', end - 1);
    entries.push(header.slice(comma + 1, end).trim());
    end = comma;
  }
  return entries;
}

// Seen in the wild: a bare address, either version with its port, IPv6 in brackets, any of it in quotes (which is
// how RFC 7239 6 writes a node).
const node = /^"?(?:\[([^\]]+)\]|([^[\]:"]+)|([^[\]"]*:[^[\]"]*:[^[\]"]*))(?::\d{1,5})?"?$/;

/** The address in one entry; `null` where it is none. */
function addressIn(entry: string): string | null {
  const match = node.exec(entry);
  const address = match?.[1] ?? match?.[2] ?? match?.[3];
  return address === undefined || isIP(address) === 0 ? null : canonical(address);
}

/** One text for one address: proxies write IPv6 as they please (RFC 5952). */
function canonical(address: string): string {
  if (isIP(address) !== 6) return address;
  const [withoutZone = ''] = address.split('%');
  const short = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  const bytes = Buffer.from(`${high.padStart(4, '0')}${low.padStart(4, '0')}`, 'hex');
  return bytes.join('.');
}

// A socket that takes both families shows an IPv4 peer as ::ffff:192.0.2.1.
function asIPv4(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
