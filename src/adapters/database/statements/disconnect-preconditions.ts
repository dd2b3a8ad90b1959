import { operationByKey } from './operation-by-key.ts';
import { storedOperation } from './stored-operation.ts';
import { switchedOff } from './switched-off.ts';

/** Takes what `operationByKey` takes. One row about the newest operation, whether there is one or not; then the
 *  one of the key, if there is one. */
export const disconnectPreconditions = {
  name: 'disconnect-preconditions',
  text: `
select (${switchedOff.text}) as disabled_because, ${storedOperation} from (select) always left join (
  select * from operations where tenant_id = $1 order by position desc limit 1
) o on true
union all select null, keyed.* from (${operationByKey.text}) keyed`,
} as const;
