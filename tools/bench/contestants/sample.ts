/** *sample*: the usual stack, the way Microsoft's documentation of a web API that calls Graph shows it:
 *  passport-azure-ad's bearer strategy on the tenant's metadata, one confidential client of MSAL for
 *  the process, `fetch`. It keeps no record. */
import { createServer } from 'node:http';
import { ConfidentialClientApplication } from '@azure/msal-node';
import express, { type Request, type Response } from 'express';
import passport from 'passport';
import { BearerStrategy, type ITokenPayload } from 'passport-azure-ad';
import { paths, serve, upstreamUrl } from './contestant.ts';

const { BENCH_TENANT: tenantId = '', BENCH_CLIENT: clientId = '', BENCH_SECRET: secret = '' } = process.env;

const client = new ConfidentialClientApplication({
  auth: {
    clientId,
    authority: `${upstreamUrl}/${tenantId}`,
    // The documentation needs neither: it talks to a host that MSAL knows.
    knownAuthorities: [new URL(upstreamUrl).host],
    clientSecret: secret,
  },
});

const strategy = new BearerStrategy(
  {
    identityMetadata: `${upstreamUrl}/${tenantId}/v2.0/.well-known/openid-configuration`,
    issuer: `${upstreamUrl}/${tenantId}/v2.0`,
    clientID: clientId,
    audience: clientId,
    validateIssuer: true,
    loggingLevel: 'error',
    scope: ['access_as_user'],
  },
  (token: ITokenPayload, done: (error: null, user: object, info: ITokenPayload) => void) =>
    done(null, {}, token),
);

const app = express();
app.use(passport.initialize());
passport.use(strategy);
const signedIn = passport.authenticate('oauth-bearer', { session: false });

async function callGraph(request: Request, response: Response, method: string, path: string): Promise<void> {
  const assertion = (request.headers.authorization ?? '').slice('Bearer '.length);
  const exchanged = await client.acquireTokenOnBehalfOf({
    oboAssertion: assertion,
    scopes: ['https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All'],
  });
  const answer = await fetch(`${upstreamUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${exchanged?.accessToken}`, accept: 'application/json' },
  });
  response.status(answer.status).json(await answer.json());
}

app.get(paths.read, signedIn, (request, response) => callGraph(request, response, 'GET', paths.graphRead));
app.post(paths.disconnect, signedIn, (request, response) =>
  callGraph(request, response, 'POST', paths.graphDisconnect),
);

serve(createServer(app));
