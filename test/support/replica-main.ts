/** The service as a process of its own, with settings the environment has no names for. */
import { compose } from '../../src/compose/compose.ts';
import { loadSettings } from '../../src/settings/settings.ts';
import { adjusted } from './timings.ts';

const service = compose(adjusted(JSON.parse(process.env.TEST_TIMINGS ?? '{}'))(loadSettings()));
process.on('SIGTERM', async () => {
  await service.close();
  process.exit(0);
});
console.log(JSON.stringify({ msg: 'replica', ...(await service.start()) }));
