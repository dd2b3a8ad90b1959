import { createRequire } from 'node:module';

/** Microsoft's two libraries, loaded by the files that take the least: it halves what a process spends on modules as
 *  it starts. */
const require = createRequire(import.meta.url);

// MSAL as CommonJS is one file; as ES modules it is more than a hundred.
const msal: typeof import('@azure/msal-node') = require('@azure/msal-node');
export const { AuthError, ClientAssertion, ConfidentialClientApplication, CryptoProvider } = msal;

/** The strategy for bearer tokens alone: the package's other one brings a browser's sign-in, and cryptography for it. */
export const BearerStrategy: typeof import('passport-azure-ad').BearerStrategy =
  require('passport-azure-ad/lib/bearerstrategy');
