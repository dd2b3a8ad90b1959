import { Gauge, type Registry } from 'prom-client';
import { openStatuses } from '../../core/operation/life.ts';
import type { DatabaseHealth } from '../database/vital-signs.ts';

const prefix = 'chromeos_bff_';

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
      help: 'Disconnects sent more than two minutes ago whose outcome is not on record; absent while the database is down.',
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
      help: 'Disconnects of unknown end that no other has superseded; absent while the database is down.',
      registers,
    }),
    operationsOpen: new Gauge({
      name: `${prefix}operations_open`,
      help: "Operations that hold their tenant's slot, by status; absent while the database is down.",
      labelNames: ['status'] as const,
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
      help: 'Tenants whose trail lacks acknowledged events, and where nobody has acknowledged the loss; absent while the database is down.',
      registers,
    }),
  };
  // Nothing has been read yet.
  showVitalSigns(gauges, { up: false, signs: null, problem: null });
  return gauges;
}

type VitalGauges = Readonly<
  Record<
    | 'databaseUp'
    | 'auditWritable'
    | 'attemptsWithoutOutcome'
    | 'operationsUnknown'
    | 'databaseRoleExcessive'
    | 'synchronousReplication'
    | 'databaseDurable'
    | 'auditHistoryLost',
    Gauge
  > & { operationsOpen: Gauge<'status'> }
>;

/** Shows what the last look at the database found. What it could not find is absent: an old value would
 *  be a lie. */
export function showVitalSigns(
  gauges: Pick<VitalGauges, Exclude<keyof VitalGauges, 'auditWritable'>>,
  { up, signs }: DatabaseHealth,
): void {
  gauges.databaseUp.set(up ? 1 : 0);
  gauges.operationsOpen.reset();
  if (signs === null) {
    gauges.attemptsWithoutOutcome.remove();
    gauges.operationsUnknown.remove();
    gauges.databaseRoleExcessive.remove();
    gauges.synchronousReplication.remove();
    gauges.databaseDurable.remove();
    gauges.auditHistoryLost.remove();
    return;
  }
  gauges.attemptsWithoutOutcome.set(signs.attemptsWithoutOutcome);
  gauges.operationsUnknown.set(signs.open.unknown ?? 0);
  for (const status of openStatuses) gauges.operationsOpen.set({ status }, signs.open[status] ?? 0);
  gauges.databaseRoleExcessive.set(signs.excessive.length > 0 ? 1 : 0);
  gauges.synchronousReplication.set(signs.synchronousReplication ? 1 : 0);
  gauges.databaseDurable.set(signs.switchedOff.length > 0 ? 0 : 1);
  gauges.auditHistoryLost.set(signs.lostChains);
}
