import { amount } from '../figures.ts';
import {
  freezeWithHead,
  type LockMeasured,
  lockHead,
  lockTenants,
  measureLock,
  vanishing,
} from '../locks/locked-head.ts';
import type { Part } from '../part.ts';

// `database.poolSize`.
const poolSize = 10;

/** One tenant's chain is locked by a session that does not let go of it, or by a replica that vanished: the other
 *  tenants are to notice nothing. */
export const lockedHead: Part = {
  name: 'locked-head',
  what: 'one of 20 tenants has its chain locked, at 100 calls/s: what the others and the database see of it',
  async run(bench) {
    const database = await bench.createDatabase();
    const environment = { ALLOWED_TENANT_IDS: lockTenants.join(',') };
    const service = await bench.startService(database, environment);
    bench.say(`the chain is locked for ${bench.scale.lockSeconds} s`);
    const locked = await measureLock(bench, database, service, {
      lock: () => lockHead(database, bench.scale.lockSeconds),
      disconnectEvery: 10,
    });
    const url = `${database.url}?application_name=${vanishing}`;
    const replica = await bench.startService(database, { ...environment, DATABASE_URL: url });
    bench.say('a replica vanishes with the chain locked');
    const vanished = await measureLock(bench, database, service, {
      lock: () => freezeWithHead(bench, database, replica),
      disconnectEvery: 0,
    });
    return {
      figures: {
        lockedBackends: locked.backends - poolSize,
        lockedRefusals: locked.others.refused + vanished.others.refused,
        lockedP99: locked.others.p99 / 1000,
        lockedRecovery: locked.recovery / 1000,
        vanishedRecovery: vanished.recovery / 1000,
      },
      rows: [
        ['', 'others’ calls', 'refused', 'p99', 'its own calls', 'refused', 'last one after', 'connections'],
        rowOf(`locked for ${bench.scale.lockSeconds} s`, locked),
        rowOf('a replica vanished', vanished),
      ],
      data: { locked, vanished },
    };
  },
};

function rowOf(what: string, { others, locked, recovery, backends }: LockMeasured): string[] {
  return [
    what,
    amount(others.calls, ''),
    amount(others.refused, ''),
    amount(others.p99, 'ms'),
    amount(locked.calls, ''),
    amount(locked.refused, ''),
    amount(recovery, 'ms'),
    amount(backends, ''),
  ];
}
