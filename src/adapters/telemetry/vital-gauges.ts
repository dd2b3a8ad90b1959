import { Gauge, type Registry } from 'prom-client';
import { openStatuses } from '../../core/operation/life.ts';
import type { DatabaseHealth, OpenOperations } from '../database/vital-signs.ts';
import { prefix } from './metric-prefix.ts';

/** The gauges that are read out of the database. */
export function createVitalGauges(registers: Registry[]) {
  const gauges = {
    databaseUp: new Gauge({
      name: `${prefix}database_up`,
      help: 'Whether PostgreSQL let us in and answered when last looked at (1), or not (0).',
      registers,
    }),
    auditWritable: new Gauge({
      name: `${prefix}audit_writable`,
      help: 'Whether audit events can be put on record (1), or not (0).',
      registers,
    }),
    attemptsWithoutOutcome: new Gauge({
      name: `${prefix}attempts_without_outcome`,
      help: 'Disconnects sent more than two minutes ago whose outcome is not on record, by tenant; absent while the database is down.',
      labelNames: ['tenant'] as const,
      registers,
    }),
    clockOffset: new Gauge({
      name: `${prefix}clock_offset_seconds`,
      help: 'How far the clock of this machine is ahead of the database (behind, where negative).',
      registers,
    }),
    outcomesWaiting: new Gauge({
      name: `${prefix}outcomes_waiting`,
      help: 'Outcomes of disconnects that are known and could not be recorded yet; each is tried until it is.',
      registers,
    }),
    operationsUnknown: new Gauge({
      name: `${prefix}operations_unknown`,
      help: 'Disconnects of unknown end that no other has superseded, by tenant; absent while the database is down.',
      labelNames: ['tenant'] as const,
      registers,
    }),
    operationsOpen: new Gauge({
      name: `${prefix}operations_open`,
      help: "Operations that hold their tenant's slot, by status; absent while the database is down.",
      labelNames: ['status'] as const,
      registers,
    }),
    oldestAccepted: new Gauge({
      name: `${prefix}operations_accepted_oldest_seconds`,
      help: 'How long ago the disconnect was sent that Graph took on and whose end is not known yet, by tenant; 0 where there is none.',
      labelNames: ['tenant'] as const,
      registers,
    }),
    statementsWaiting: new Gauge({
      name: `${prefix}database_statements_waiting`,
      help: 'Statements of the service, of all its replicas, that waited for a lock when last looked at; absent while the database is down.',
      registers,
    }),
    databaseRoleExcessive: new Gauge({
      name: `${prefix}database_role_excessive`,
      help: 'Whether our database role may do more than it needs (1); absent while the database is down.',
      registers,
    }),
    synchronousReplication: new Gauge({
      name: `${prefix}database_synchronous_replication`,
      help: 'Whether a commit waits for a standby (1), or a failover may lose acknowledged commits (0); absent while the database is down.',
      registers,
    }),
    databaseDurable: new Gauge({
      name: `${prefix}database_durable`,
      help: 'Whether fsync and full_page_writes are on (1), or a crash loses commits (0); absent while the database is down.',
      registers,
    }),
    auditHistoryLost: new Gauge({
      name: `${prefix}audit_history_lost`,
      help: 'Whether the trail of a tenant lacks events that were acknowledged, and nobody has acknowledged the loss (1); absent while the database is down.',
      labelNames: ['tenant'] as const,
      registers,
    }),
  };
  // Nothing has been read yet.
  showVitalSigns(gauges, { up: false, signs: null, statementsWaiting: null, problem: null }, []);
  return gauges;
}

type VitalGauges = Omit<
  ReturnType<typeof createVitalGauges>,
  'auditWritable' | 'clockOffset' | 'outcomesWaiting'
>;

// A disconnect is sent, answered and recorded within one answer's time; the sweep settles what is left after its lease.
const withoutOutcomeSeconds = 120;

/** Shows the last state of the database, for each tenant on the allow-list even if nothing was found. What
 *  it could not find out is absent: an old value would mislead. */
export function showVitalSigns(
  gauges: VitalGauges,
  { up, signs, statementsWaiting }: DatabaseHealth,
  tenants: readonly string[],
): void {
  gauges.databaseUp.set(up ? 1 : 0);
  for (const gauge of [
    gauges.attemptsWithoutOutcome,
    gauges.operationsUnknown,
    gauges.operationsOpen,
    gauges.oldestAccepted,
    gauges.auditHistoryLost,
  ]) {
    gauge.reset();
  }
  if (statementsWaiting === null) gauges.statementsWaiting.remove();
  else gauges.statementsWaiting.set(statementsWaiting);
  if (signs === null) {
    gauges.databaseRoleExcessive.remove();
    gauges.synchronousReplication.remove();
    gauges.databaseDurable.remove();
    return;
  }
  showOpenOperations(gauges, signs.open, tenants);
  for (const tenant of tenants) gauges.auditHistoryLost.set({ tenant }, 0);
  for (const tenant of signs.lostChains) gauges.auditHistoryLost.set({ tenant }, 1);
  gauges.databaseRoleExcessive.set(signs.excessive.length > 0 ? 1 : 0);
  gauges.synchronousReplication.set(signs.synchronousReplication ? 1 : 0);
  gauges.databaseDurable.set(signs.switchedOff.length > 0 ? 0 : 1);
}

function showOpenOperations(
  gauges: VitalGauges,
  open: readonly OpenOperations[],
  tenants: readonly string[],
): void {
  const { attemptsWithoutOutcome, operationsUnknown, operationsOpen, oldestAccepted } = gauges;
  for (const status of openStatuses) operationsOpen.set({ status }, 0);
  for (const tenant of tenants) {
    attemptsWithoutOutcome.set({ tenant }, 0);
    operationsUnknown.set({ tenant }, 0);
    oldestAccepted.set({ tenant }, 0);
  }
  for (const { tenantId: tenant, status, number, oldestSeconds } of open) {
    operationsOpen.inc({ status }, number);
    if (status === 'unknown') operationsUnknown.set({ tenant }, number);
    if (status === 'accepted') oldestAccepted.set({ tenant }, oldestSeconds);
    if (status === 'sent' && oldestSeconds > withoutOutcomeSeconds) {
      attemptsWithoutOutcome.set({ tenant }, number);
    }
  }
}
