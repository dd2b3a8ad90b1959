/** Changes that no test can notice, and why. `change` is as the report prints it. */
export type Equivalent = { readonly change: string; readonly because: string };

const outbound = 'src/adapters/outbound';
const entra = 'src/adapters/entra';
const graph = 'src/adapters/graph';
const database = 'src/adapters/database';
const functions = 'src/adapters/database/functions';
const costsTime =
  'The context is the default one, made once: without it each connection makes its own, which costs time.';

const alwaysMatched = 'Where the expression matches, each of its groups does.';

const savesMemory =
  'A text that is kept once and one that is kept for each caller are equal: it saves memory.';

const knownTenant = 'Whoever is signed in is of a tenant on the list.';

const noWord = 'The text is only searched for words that it does not hold either way.';

export const equivalents: readonly Equivalent[] = [
  {
    change: `${outbound}/dispatcher.ts: connect: { timeout: connectTimeoutMs, secureContext }, -> connect: { timeout: connectTimeoutMs, },`,
    because: costsTime,
  },
  { change: `${outbound}/dispatcher.ts: requestTls: { secureContext }, -> `, because: costsTime },
  {
    change: `${outbound}/dispatcher.ts: requestTls: { secureContext }, -> requestTls: { },`,
    because: costsTime,
  },
  {
    change: `${outbound}/dispatcher.ts: proxyTls: { secureContext, allowH2: false }, -> proxyTls: { allowH2: false },`,
    because: costsTime,
  },
  {
    change: `${outbound}/dispatcher.ts: const noProxy = proxy.exceptions ?? ''; -> const noProxy = proxy.exceptions ?? 'mutant';`,
    because: 'An exception for a host that nobody asks for is none.',
  },
  {
    change: `${outbound}/dispatcher.ts: #used = false; -> #used = true;`,
    because: 'Every connection begins with `connect`, which sets it.',
  },
  {
    change: `${outbound}/http-client.ts: const bytes = more.length === 0 ? first : Buffer.concat(this.#chunks); -> const bytes = false ? first : Buffer.concat(this.#chunks);`,
    because: 'One piece put together is that piece: it saves a copy.',
  },
  {
    change: `${outbound}/json.ts: } catch { return undefined; } -> } catch {}`,
    because: 'A function that ends without a value gives `undefined`.',
  },
  {
    change: `${outbound}/http-client.ts: this.#progress = this.wasUsed() ? 'sent_over_kept' : 'sent'; -> this.#progress = this.wasUsed() ? 'sent_over_kept' : '';`,
    because: 'All that is asked of it is whether it is `unsent` or `sent_over_kept`.',
  },
  {
    change: `${outbound}/http-client.ts: this.#progress = 'answering'; -> this.#progress = '';`,
    because: 'All that is asked of it is whether it is `unsent` or `sent_over_kept`.',
  },
  {
    change: `${entra}/access-token.ts: const [, headerPart = '', payloadPart = '', signaturePart = ''] = match; -> const [, headerPart = 'mutant', payloadPart = '', signaturePart = ''] = match;`,
    because: alwaysMatched,
  },
  {
    change: `${entra}/access-token.ts: const [, headerPart = '', payloadPart = '', signaturePart = ''] = match; -> const [, headerPart = '', payloadPart = 'mutant', signaturePart = ''] = match;`,
    because: alwaysMatched,
  },
  {
    change: `${entra}/access-token.ts: const [, headerPart = '', payloadPart = '', signaturePart = ''] = match; -> const [, headerPart = '', payloadPart = '', signaturePart = 'mutant'] = match;`,
    because: alwaysMatched,
  },
  {
    change: `${entra}/access-token.ts: return json.replace(/"(?:[^"\\\\]|\\\\.)*"/g, '').split(':').length - 1; -> return json.replace(/"(?:[^"\\\\]|\\\\.)*"/g, 'mutant').split(':').length - 1;`,
    because: 'What takes the place of a string has no colon either way.',
  },
  {
    change: `${entra}/bearer-strategy.ts: validateIssuer: true, -> `,
    because: 'It is the default of the library; said, since all depends on it.',
  },
  {
    change: `${entra}/bearer-strategy.ts: loggingLevel: 'fatal' as 'error', -> `,
    because: 'At its default the library writes nothing either of what we use today.',
  },
  {
    change: `${entra}/bearer-strategy.ts: loggingLevel: 'fatal' as 'error', -> loggingLevel: '' as 'error',`,
    because: 'The same.',
  },
  {
    change: `${entra}/claims.ts: if (known !== undefined) return known; -> if (false) return known;`,
    because: savesMemory,
  },
  { change: `${entra}/claims.ts: common.set(text, text); -> ;`, because: savesMemory },
  {
    change: `${entra}/claims.ts: return String(claim ?? '') -> return String(claim ?? 'mutant')`,
    because: 'Neither is a number.',
  },
  {
    change: `${entra}/entra-errors.ts: suberror: z.string().optional().catch(undefined), -> `,
    because: 'It is only looked up, and what is no text is found nowhere.',
  },
  {
    change: `${entra}/entra-errors.ts: return meaningOfSuberror.get(suberror ?? '') ?? meaningOfError.get(error) ?? 'exchange_refused'; -> return meaningOfSuberror.get(suberror ?? 'mutant') ?? meaningOfError.get(error) ?? 'exchange_refused';`,
    because: 'Neither is a suberror.',
  },
  {
    change: `${entra}/entra-errors.ts: const known = entraCode === null ? undefined : meaningOfCode.get(entraCode); -> const known = false ? undefined : meaningOfCode.get(entraCode);`,
    because: 'No meaning is kept for `null`.',
  },
  {
    change: `${entra}/client-credential.ts: this.#file = null; -> ;`,
    because: 'It is asked with `?.` alone.',
  },
  {
    change: `${entra}/client-credential.ts: if (options.insteadOf === undefined || this.#inUse?.fingerprint !== options.insteadOf.fingerprint) return; -> if (options.insteadOf === undefined || this.#inUse.fingerprint !== options.insteadOf.fingerprint) return;`,
    because: 'One that was refused was in use.',
  },
  {
    change: `${entra}/entra-identity.ts: const present = await tenants.get(caller.tenantId)?.find(keyId, deadline); -> const present = await tenants.get(caller.tenantId).find(keyId, deadline);`,
    because: knownTenant,
  },
  {
    change: `${entra}/entra-identity.ts: const metadata = tenants.get(caller.tenantId)?.current; -> const metadata = tenants.get(caller.tenantId).current;`,
    because: knownTenant,
  },
  {
    change: `${graph}/intune-approval.ts: const message = typeof error.message === 'string' ? error.message : ''; -> const message = typeof error.message === 'string' ? error.message : 'mutant';`,
    because: noWord,
  },
  {
    change: `${graph}/intune-approval.ts: const inner = isJsonObject(nested) && typeof nested.Message === 'string' ? nested.Message : ''; -> const inner = isJsonObject(nested) && typeof nested.Message === 'string' ? nested.Message : 'mutant';`,
    because: noWord,
  },
  {
    change: `${graph}/graph-connector.ts: max: maxCachedLists, -> `,
    because: 'It bounds memory, as the bound of characters does; which lists are kept shows nowhere.',
  },
  {
    change: `${functions}/chain-head.sql: where c.chain = of_chain order by c.length desc limit 1; -> where c.chain = of_chain order by c.length limit 1;`,
    because: 'A chain has one row: a longer head takes the place of the one before within one call.',
  },
  {
    change: `${functions}/check-operation-move.sql: if tg_op = 'UPDATE' then -> if true then`,
    because: 'Where a row is inserted there is no old one, and nothing is true of it.',
  },
  {
    change: `${functions}/open-operation.sql: where o.id = (wanted ->> 'supersedes')::uuid and o.superseded_by = (wanted ->> 'id')::uuid; -> where o.id = (wanted ->> 'supersedes')::uuid or o.superseded_by = (wanted ->> 'id')::uuid;`,
    because: 'Either is true of the superseded operation alone.',
  },
  {
    change: `${functions}/prepare-recording.sql: if current_setting('synchronous_commit') not in ('on', 'remote_apply') then -> if current_setting('synchronous_commit') not in ('mutant', 'remote_apply') then`,
    because: 'What is on is set to on.',
  },
  {
    change:
      "src/adapters/database/checkpoint-rows.ts: 'select id from public.audit_checkpoints where chain = $1 order by position desc limit 1', -> 'select id from public.audit_checkpoints where chain = $1 order by position desc',",
    because: 'Of the rows the first is looked at: it saves reading the others.',
  },
  {
    change:
      "src/adapters/database/checkpoints.ts: `select coalesce(min(occurred_at) > now() - $2 * interval '1 millisecond', true) as young -> `select coalesce(min(occurred_at) >= now() - $2 * interval '1 millisecond', true) as young",
    because: 'No event is of the very microsecond at which this is asked.',
  },
  {
    change:
      'src/core/operation/slot.ts: for (let moves = 0; moves < maxMoves; moves += 1) { -> for (let moves = 0; moves <= maxMoves; moves += 1) {',
    because: 'A third settling finds nothing that the second did not.',
  },
  {
    change:
      "src/core/use-cases/disconnect.ts: const cause = outcome.explanation ?? 'the first answer again'; -> const cause = outcome.explanation ?? '';",
    because: 'an outcome that was told as a problem always has an explanation',
  },
  {
    change: `${database}/reuse.ts: () => false, -> () => undefined,`,
    because: 'All that is asked of it is whether it is true.',
  },
  {
    change: `${database}/statement.ts: names.set(statement, name); -> ;`,
    because: 'The name is made of the text each time, and is the same: it saves a digest.',
  },
  {
    change: `${database}/statement.ts: if (known !== undefined) return known; -> if (false) return known;`,
    because: 'The name is made of the text each time, and is the same: it saves a digest.',
  },
  {
    change: `${database}/sign-in-limit.ts: this.#beyond ??= { count: 0, addresses: new Set(), causes: new Map(), last: event }; -> this.#beyond ??= { count: 0, addresses: new Set(), causes: new Map(), };`,
    because: 'The last event is set in each case just after.',
  },
  {
    change: `${database}/postgres-operations.ts: where o.open and least(o.lease_until, o.expires_at) <= now()\`, -> where o.open and least(o.lease_until, o.expires_at) < now()\`,`,
    because: 'What is not overdue is left out below: it only saves rows.',
  },
  {
    change: `${database}/postgres-operations.ts: where o.open and least(o.lease_until, o.expires_at) <= now()\`, -> where o.open or least(o.lease_until, o.expires_at) <= now()\`,`,
    because: 'What is not overdue is left out below: it only saves rows.',
  },
  {
    change: `${database}/group-commit.ts: if (waiting.overdue) continue; -> if (false) continue;`,
    because: 'To fail what has its answer does nothing.',
  },
  {
    change: `${database}/group-commit.ts: if (waiting.overdue) continue; -> if (waiting.overdue) ;`,
    because: 'To fail what has its answer does nothing.',
  },
  {
    change: `${database}/group-commit.ts: lane.batch = []; -> ;`,
    because: 'To fail what has its answer does nothing.',
  },
  {
    change: `${database}/group-commit.ts: return { waiting: [], batch: [], running: false, free: false }; -> return { waiting: [], running: false, free: false };`,
    because: 'A lane runs from its first event on, which sets its batch.',
  },
  {
    change: `${database}/group-commit.ts: return { waiting: [], batch: [], running: false, free: false }; -> return { waiting: [], batch: [], free: false };`,
    because: 'All that is asked of it is whether it is true.',
  },
  {
    change: `${database}/group-commit.ts: return { waiting: [], batch: [], running: false, free: false }; -> return { waiting: [], batch: [], running: false, };`,
    because: 'Each lane commits, which sets it, before anybody asks.',
  },
  {
    change: `${database}/group-commit.ts: return { waiting: [], batch: [], running: false, free: false }; -> return { waiting: [], batch: [], running: false, free: true };`,
    because: 'Each lane commits, which sets it, before anybody asks.',
  },
  {
    change: `${database}/group-commit.ts: lane.waiting.push({ event, deadline, written, failed, overdue: false }); -> lane.waiting.push({ event, deadline, written, failed, });`,
    because: 'All that is asked of it is whether it is true.',
  },
  {
    change: `${functions}/chain-head.sql: where c.chain = of_chain order by c.length desc limit 1; -> where c.chain = of_chain order by c.length desc;`,
    because: 'A chain has one head.',
  },
  {
    change: `${functions}/lock-chain-head.sql: select * into tip from audit_chains c where c.chain = of_chain order by c.length desc limit 1 for update; -> select * into tip from audit_chains c where c.chain = of_chain order by c.length limit 1 for update;`,
    because: 'A chain has one head.',
  },
  {
    change: `${functions}/lock-chain-head.sql: select * into tip from audit_chains c where c.chain = of_chain order by c.length desc limit 1 for update; -> select * into tip from audit_chains c where c.chain = of_chain order by c.length desc for update;`,
    because: 'A chain has one head.',
  },
  {
    change: `${functions}/lock-chain-head.sql: continue when exists (select from audit_chains c where c.chain = of_chain); -> null;`,
    because: 'It is asked again with the lock: it only saves that.',
  },
  {
    change: `${functions}/open-operation.sql: if added.idempotency_key is not null then -> if true then`,
    because: 'Nothing equals a key that is null: it saves a statement.',
  },
  {
    change: `${database}/retention.ts: 'select statement as text, signature from public.audit_removals where chain = $1 order by number desc limit 1', -> 'select statement as text, signature from public.audit_removals where chain = $1 order by number desc',`,
    because: 'The first row alone is looked at: it saves reading the others.',
  },
];
