import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { UnusableFile } from '../files/followed-file.ts';

export type CertificateWithKey = {
  /** PKCS#8, PEM. */
  readonly privateKey: string;
  /** The certificate of that key. */
  readonly leaf: X509Certificate;
  /** In PEM: the leaf, then who issued it, and so on; then whatever else the file holds (RFC 7515 4.1.6). */
  readonly chain: string;
};

/** Reads a PEM file with an unencrypted RSA key, its certificate and the chain, in any order. Throws
 *  `UnusableFile`, which says what the file is and how to convert it. */
export function certificateIn(content: Buffer): CertificateWithKey {
  const pem = content.toString('utf8');
  if (!pem.includes('-----BEGIN ')) throw new UnusableFile(whatItIs(content));
  const key = keyIn(pem);
  // Entra ID takes RSA only; another key could not sign what MSAL signs.
  if (key.asymmetricKeyType !== 'rsa')
    throw new UnusableFile('holds a key that is not RSA: Entra ID takes RSA only');
  const certificates = certificatesIn(pem);
  const leaf = certificates.find((candidate) => candidate.checkPrivateKey(key));
  if (leaf === undefined) {
    throw new UnusableFile(
      certificates.length === 0
        ? 'holds a private key without a certificate: append the certificate (cat key.pem certificate.pem)'
        : 'holds no certificate of its private key: key and certificate do not belong together',
    );
  }
  return {
    privateKey: String(key.export({ type: 'pkcs8', format: 'pem' })),
    leaf,
    chain: inOrder(leaf, certificates)
      .map((certificate) => certificate.toString())
      .join(''),
  };
}

function keyIn(pem: string): KeyObject {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    throw new UnusableFile(
      'holds an encrypted private key. Decrypt it: openssl pkey -in FILE -out key.pem, then append the certificates',
    );
  }
  if (!/BEGIN [A-Z ]*PRIVATE KEY/.test(pem)) {
    throw new UnusableFile(
      'holds a certificate without its private key: append the key (cat certificate.pem key.pem)',
    );
  }
  try {
    return createPrivateKey(pem);
  } catch {
    throw new UnusableFile('holds a private key that is broken or only half there');
  }
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    return [...new Map(certificates.map((one) => [one.fingerprint256, one])).values()];
  } catch {
    throw new UnusableFile('holds a certificate that is broken or only half there');
  }
}

function inOrder(leaf: X509Certificate, certificates: readonly X509Certificate[]): X509Certificate[] {
  const rest = certificates.filter((one) => one !== leaf);
  const ordered = [leaf];
  for (let last: X509Certificate | undefined = leaf; last !== undefined; ) {
    const issued: X509Certificate = last;
    const index = rest.findIndex((candidate) => issued.checkIssued(candidate));
    last = index === -1 ? undefined : rest.splice(index, 1)[0];
    if (last !== undefined) ordered.push(last);
  }
  return [...ordered, ...rest];
}

// How other formats that people use by mistake begin.
const sequence = 0x30; // ASN.1 DER
const utf16 = [Buffer.of(0xff, 0xfe), Buffer.of(0xfe, 0xff)];
const javaKeyStore = Buffer.of(0xfe, 0xed, 0xfe, 0xed);
// pkcs7-data and signedData, which a PKCS#12 file holds near its beginning.
const pkcs7 = Buffer.from('2a864886f70d0107', 'hex');
const fromPkcs12 = 'Convert it: openssl pkcs12 -in FILE -nodes -out FILE.pem (with -legacy for an old one)';

function whatItIs(content: Buffer): string {
  if (content.toString('utf8').trim() === '') return 'is empty';
  if (utf16.some((mark) => content.indexOf(mark) === 0)) return 'is text in UTF-16. Save it as UTF-8';
  if (content.indexOf(javaKeyStore) === 0) {
    return 'is a Java key store. Convert it: keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12, then openssl pkcs12 -in FILE.p12 -nodes -out FILE.pem';
  }
  if (content[0] === sequence) return whatDerIs(content);
  // Key Vault hands PKCS#12 out in base64.
  const decoded = Buffer.from(content.toString('latin1'), 'base64');
  if (decoded[0] === sequence && isPkcs12(decoded)) {
    return `is a PKCS#12 (PFX) file in base64. Decode it (base64 -d). ${fromPkcs12}`;
  }
  return 'is no PEM file: it must hold an unencrypted RSA key, its certificate and the chain, in PEM';
}

function whatDerIs(content: Buffer): string {
  if (isPkcs12(content)) return `is a PKCS#12 (PFX) file. ${fromPkcs12}`;
  try {
    return `is a certificate in DER, for ${new X509Certificate(content).publicKey.asymmetricKeyType}, without its key. Convert it: openssl x509 -inform der -in FILE -out certificate.pem, then append the key`;
  } catch {
    return 'is binary (DER), and no certificate. It must be PEM: an unencrypted RSA key, its certificate and the chain';
  }
}

function isPkcs12(der: Buffer): boolean {
  return der.subarray(0, 64).includes(pkcs7);
}
