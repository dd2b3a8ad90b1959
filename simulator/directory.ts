/** Who and what exists in the simulated Entra ID. Every id is fixed, so that settings, documents and
 *  bookmarks stay valid from one start to the next. None of them exists in a real tenant. */

export type PersonName = 'admin' | 'reader' | 'auditor' | 'second-admin' | 'no-roles' | 'guest';

export type Person = {
  name: PersonName;
  displayName: string;
  givenName: string;
  familyName: string;
  /** The object id in the home tenant; `oidIn` gives it for any tenant. */
  oid: string;
  mailbox: string;
  roles: readonly string[];
  /** The tenant a guest comes from. */
  foreignTenantId?: string;
};

/** How Entra and Graph treat one person differently from others; each is off unless set. */
export type PersonBehaviour = {
  /** Sessions were revoked: on-behalf-of answers AADSTS50173 until the person signs in again at the browser door. */
  revoked?: boolean;
  /** A claims challenge as JSON, e.g. `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`.
   *  On-behalf-of answers AADSTS50076 with it until the token carries a demanded value in `acrs`. */
  mfaRequired?: string;
  /** Nobody has consented to Graph for this person: AADSTS65001. */
  consentMissing?: boolean;
  /** A conditional access policy wants a compliant device: AADSTS53000. */
  deviceNotCompliant?: boolean;
  /** Any other AADSTS code. */
  entraErrorCode?: number;
  /** Graph answers 403: no Intune role that may do it. */
  intuneRoleMissing?: boolean;
};

const homeTenantId = '5a1e0000-7e4a-4000-8000-000000000001';
export const otherTenantId = '5a1e0000-7e4a-4000-8000-000000000002';
/** The tenant that guests come from; the simulator does not serve it. */
export const foreignTenantId = '5a1e0000-7e4a-4000-8000-0000000000f1';
export const portalClientId = '5a1e0000-c11e-4000-8000-0000000000a1';

export const registration = {
  tenantId: homeTenantId,
  clientId: '5a1e0000-c11e-4000-8000-0000000000b1',
  clientSecret: 'simulator-only.not-a-secret',
  audience: 'api://5a1e0000-c11e-4000-8000-0000000000b1',
  /** What it may ask for at Graph. */
  graphScope: 'https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All',
} as const;

/** The audience of every workload identity assertion, as Entra documents it. */
export const federatedAudience = 'api://AzureADTokenExchange';
export const federatedSubject = 'system:serviceaccount:chromeos-connector-bff:chromeos-connector-bff';

export const people: Record<PersonName, Person> = {
  admin: {
    name: 'admin',
    displayName: 'Ada Admin',
    givenName: 'Ada',
    familyName: 'Admin',
    oid: '5a1e0000-0b1d-4000-8000-000000000011',
    mailbox: 'ada.admin',
    roles: ['ChromeOS.Disconnect'],
  },
  reader: {
    name: 'reader',
    displayName: 'Rita Reader',
    givenName: 'Rita',
    familyName: 'Reader',
    oid: '5a1e0000-0b1d-4000-8000-000000000012',
    mailbox: 'rita.reader',
    roles: ['ChromeOS.Read'],
  },
  auditor: {
    name: 'auditor',
    displayName: 'Олена Аудиторка',
    givenName: 'Олена',
    familyName: 'Аудиторка',
    oid: '5a1e0000-0b1d-4000-8000-000000000013',
    mailbox: 'olena.audytorka',
    roles: ['Audit.Read'],
  },
  'second-admin': {
    name: 'second-admin',
    displayName: 'Sven Second',
    givenName: 'Sven',
    familyName: 'Second',
    oid: '5a1e0000-0b1d-4000-8000-000000000014',
    mailbox: 'sven.second',
    roles: ['ChromeOS.Disconnect', 'ChromeOS.Approve'],
  },
  'no-roles': {
    name: 'no-roles',
    displayName: 'Nora Noroles',
    givenName: 'Nora',
    familyName: 'Noroles',
    oid: '5a1e0000-0b1d-4000-8000-000000000015',
    mailbox: 'nora.noroles',
    roles: [],
  },
  guest: {
    name: 'guest',
    displayName: 'Gus Guest',
    givenName: 'Gus',
    familyName: 'Guest',
    oid: '5a1e0000-0b1d-4000-8000-000000000016',
    mailbox: 'gus.guest',
    roles: ['ChromeOS.Disconnect'],
    foreignTenantId,
  },
};

export const personNames = Object.keys(people) as PersonName[];

const tenants = new Map([
  [homeTenantId, { domain: 'contoso.example', oidSuffix: '1' }],
  [otherTenantId, { domain: 'fabrikam.example', oidSuffix: '2' }],
]);

export const tenantIds = [...tenants.keys()];

export function domainOf(tenantId: string): string {
  return tenants.get(tenantId)?.domain ?? 'unknown.example';
}

const guestDomain = 'partner.example';

/** The name a person signs in with; a guest keeps the one from home. */
export function addressIn(tenantId: string, person: Person, isGuest = person.foreignTenantId !== undefined) {
  return `${person.mailbox}@${isGuest ? guestDomain : domainOf(tenantId)}`;
}

/** A person has a different object id in each tenant, as in Entra. */
export function oidIn(tenantId: string, person: Person): string {
  const suffix = tenants.get(tenantId)?.oidSuffix ?? '0';
  return person.oid.replace(/1(.)$/, `${suffix}$1`);
}

/** The person with this object id; undefined for users minted with an `oid` of their own. */
export function personByOid(tenantId: string, oid: unknown): Person | undefined {
  return Object.values(people).find((person) => oidIn(tenantId, person) === oid);
}
