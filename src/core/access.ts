import type { Caller } from './caller.ts';
import { CallFailed } from './failure.ts';
import { type Permission, permissions } from './permission.ts';

/** The names of the app roles (the claim `roles`) in our registration. */
export type RoleNames = {
  readonly read: string;
  readonly disconnect: string;
  readonly approve: string;
  readonly audit: string;
};

/** Who may call at all, and what each role allows. */
export type AccessRules = {
  readonly requiredScope: string;
  /** The portals that may call, by client id. */
  readonly allowedClientIds: ReadonlySet<string>;
  readonly guestsAllowed: boolean;
  /** Whether agent identities may act, through user accounts of their own. */
  readonly agentsAllowed: boolean;
  readonly roleNames: RoleNames;
};

/** Admits a person who came through an allowed portal with the delegated scope, and no one else.
 *  Fails with `insufficient_scope` (also for app-only tokens, and those of agents), `portal_not_allowed` or
 *  `guest_not_allowed`. */
export function requireAllowedClient(rules: AccessRules, caller: Caller): void {
  if (caller.kind !== 'user' && !(caller.kind === 'agent' && rules.agentsAllowed)) {
    throw new CallFailed({
      reason: 'insufficient_scope',
      cause: caller.kind === 'agent' ? 'a token of an agent, not of a person' : 'an app-only token',
      tenantId: caller.tenantId,
    });
  }
  if (!caller.scopes.includes(rules.requiredScope)) {
    throw new CallFailed({
      reason: 'insufficient_scope',
      cause: `scp lacks ${rules.requiredScope}`,
      tenantId: caller.tenantId,
    });
  }
  if (!rules.allowedClientIds.has(caller.clientId)) {
    throw new CallFailed({ reason: 'portal_not_allowed', tenantId: caller.tenantId });
  }
  if (caller.guest && !rules.guestsAllowed)
    throw new CallFailed({ reason: 'guest_not_allowed', tenantId: caller.tenantId });
}

/** Admits a caller who comes through an allowed portal and whose roles grant the permission. Fails as
 *  `requireAllowedClient` does, or with `role_missing`, which names the roles that would do. */
export function authorize(rules: AccessRules, caller: Caller, permission: Permission): void {
  requireAllowedClient(rules, caller);
  const sufficient = rolesThatGrant(rules.roleNames, permission);
  if (!sufficient.some((role) => caller.roles.includes(role))) {
    throw new CallFailed({
      reason: 'role_missing',
      permission,
      roles: sufficient,
      tenantId: caller.tenantId,
    });
  }
}

/** Everything a caller's roles let them do here. */
export function permissionsOf(rules: AccessRules, caller: Caller): Permission[] {
  return permissions.filter((permission) =>
    rolesThatGrant(rules.roleNames, permission).some((role) => caller.roles.includes(role)),
  );
}

/** The app roles that grant a permission. */
export function rolesThatGrant(names: RoleNames, permission: Permission): string[] {
  switch (permission) {
    case 'read_connection':
      return [names.read, names.disconnect, names.approve];
    case 'disconnect':
      return [names.disconnect];
    case 'approve':
      return [names.approve];
    case 'read_audit':
      return [names.audit];
  }
}
