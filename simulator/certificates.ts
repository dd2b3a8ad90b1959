import { randomBytes } from 'node:crypto';

/** The certificate authority made at start and the server certificate it signed. */
export type SimulatorTls = { caPem: string; certPem: string; keyPem: string };

/** Makes a CA and a server certificate. Several simulators can share the result. */
export async function makeTls(): Promise<SimulatorTls> {
  // Takes as long to load as the rest of the simulator, and is not needed where the result is given.
  const { generate } = await import('selfsigned');
  // A name of its own, so that two of these can be in one bundle of trusted certificates.
  const name = `chromeos-connector-bff simulator CA ${randomBytes(4).toString('hex')}`;
  const ca = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 2, value: 'simulator' },
          { type: 2, value: 'host.containers.internal' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { caPem: ca.cert, certPem: server.cert, keyPem: server.private };
}
