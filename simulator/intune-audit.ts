import type { Act } from './connection.ts';
import { addressIn, personByOid, portalClientId } from './directory.ts';

/** Intune's own record of a disconnect, as Graph gives it (`auditEvent` of the beta API). */
export function auditEventOf(act: Act, position: number): object {
  const at = new Date(act.at).toISOString();
  const person = personByOid(act.tenantId, act.oid);
  // What Intune makes up for a call that names no id.
  const id = `0a0d1700-0000-4000-8000-${String(position).padStart(12, '0')}`;
  const name = person === undefined ? act.oid : addressIn(act.tenantId, person);
  return {
    id,
    displayName: 'disconnect ChromeOSOnboardingSettings',
    componentName: 'ChromeOSOnboarding',
    activity: null,
    activityDateTime: at,
    activityType: 'disconnect ChromeOSOnboardingSettings',
    activityOperationType: 'Action',
    activityResult: 'Success',
    correlationId: act.clientRequestId ?? id,
    category: 'Enrollment',
    actor: {
      auditActorType: 'ItPro',
      userPermissions: ['*'],
      applicationId: portalClientId,
      applicationDisplayName: act.application ?? 'chromeos-connector-bff',
      userPrincipalName: name,
      servicePrincipalName: null,
      ipAddress: null,
      userId: act.oid,
    },
    resources: [
      {
        displayName: 'ChromeOS connector',
        auditResourceType: 'ChromeOSOnboardingSettings',
        resourceId: act.tenantId,
        modifiedProperties: [],
      },
    ],
  };
}
