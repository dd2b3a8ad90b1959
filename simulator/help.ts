import { endpoints } from './calls.ts';
import { otherTenantId, people, personNames, portalClientId, registration } from './directory.ts';

/** The help page: everything the simulator serves, with lines to paste. */
export function help(url: string): string {
  const who = personNames
    .map(
      (name) =>
        `  ${name.padEnd(13)} ${people[name].displayName}: ${people[name].roles.join(', ') || 'no roles'}`,
    )
    .join('\n');
  return `A local Entra ID and Microsoft Graph to develop against. Nothing here is real.

Tenant        ${registration.tenantId}
Other tenant  ${otherTenantId}
Service       ${registration.clientId}
Portal        ${portalClientId}

People
${who}

Entra ID, for each tenant
  GET  /{tenant}/.well-known/openid-configuration        v1.0 metadata
  GET  /{tenant}/v2.0/.well-known/openid-configuration   v2.0 metadata
  GET  /{tenant}/discovery/keys, /{tenant}/discovery/v2.0/keys
  POST /{tenant}/oauth2/v2.0/token                       on-behalf-of
  People sign in at the browser door: plain HTTP, on a port of its own, printed when the simulator starts.

Microsoft Graph
  GET  /beta/deviceManagement/chromeOSOnboardingSettings
  GET  /beta/deviceManagement/chromeOSOnboardingSettings/{id}
  POST /beta/deviceManagement/chromeOSOnboardingSettings/disconnect
  GET  /beta/deviceManagement/auditEvents                Intune's own record of the disconnects
  GET  /beta/deviceManagement/operationApprovalRequests  requests for approval; $filter=requestId eq '…'

Control
  GET    /simulator/ca.pem                   the CA that signed this certificate
  GET    /simulator/people                   who there is, and what is set for them
  PUT    /simulator/people/{person}          e.g. {"revoked":true}, {"intuneRoleMissing":true}
  DELETE /simulator/people/{person}          as at the start
  GET    /simulator/token/{person}           an access token; ?version=1.0 &tenant= &kind=guest &expiresIn=-60 &key= &oid=
  POST   /simulator/token/{person}           the same by JSON, with {"claims":{…},"header":{…}}; null leaves one out
  GET    /simulator/faults                   what is switched on
  PUT    /simulator/faults/{endpoint}        endpoints: ${endpoints.join(', ')}
  DELETE /simulator/faults/{endpoint}        off; without {endpoint}: all off
  GET    /simulator/calls                    received by Entra and Graph, oldest first; ?endpoint= &limit=
  DELETE /simulator/calls
  POST   /simulator/keys/rotate              {"keepOld":false} takes the old keys away at once
  GET    /simulator/connection               ?tenant=
  PUT    /simulator/connection               {"connection":null}, {"sequence":["inprogress","offboarding","gone"]}
  POST   /simulator/disconnect/{person}      past the service, as in the admin center; ?tenant=
  PUT    /simulator/approvals                {"demanded":true}: Multi Admin Approval protects the connection; ?tenant=
  GET    /simulator/approvals                the requests that were filed, with their codes
  POST   /simulator/approvals/{code}         {"do":"approve"}, reject, cancel, complete or expire; "by" a person
  POST   /simulator/secrets                  {"accepted":["…"],"expired":["…"]}
  POST   /simulator/certificates             a certificate as PEM; DELETE removes all
  POST   /simulator/federated-credentials    {"issuer":"…","subject":"…","jwks":{"keys":[…]}}
  GET    /simulator/federated-token          a workload identity token that is accepted
  POST   /simulator/reset                    everything as at the start, except the keys

Examples
  curl --cacert simulator-ca.pem ${url}/simulator/token/admin
  curl --cacert simulator-ca.pem -X PUT ${url}/simulator/faults/disconnect -d '{"status":503,"retryAfter":"5","times":1}'
  curl --cacert simulator-ca.pem -X PUT ${url}/simulator/faults/disconnect -d '{"intuneApproval":"filed"}'
`;
}
