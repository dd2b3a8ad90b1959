import type { ChainReport } from './chain-proofs.ts';

/** What can't be known of chains that have nothing wrong with them, in sentences. */
export function warningsOf(reports: readonly ChainReport[], outsideGiven: boolean): string[] {
  const warnings = reports.flatMap((report) => {
    const { chain, length, provenTo, removal, unsignedCheckpoints } = report;
    const first = Math.max(provenTo, removal?.number ?? 0) + 1;
    if (first > length) return [];
    const events = first === length ? `event ${first} is` : `events ${first} to ${length} are`;
    const after =
      provenTo === 0 ? 'no signed checkpoint covers them' : 'they come after the last signed checkpoint';
    const unsigned = unsignedCheckpoints > 0 ? ' The unsigned checkpoints prove nothing.' : '';
    return [
      `${chain}: ${events} unproven: ${after}, so whoever owns the database could have rewritten them.${unsigned}`,
    ];
  });
  if (!outsideGiven) return [...warnings, `Without outside checkpoints ${mayBeCut}`];
  const alone = reports.filter(({ outsideCheckpoints }) => outsideCheckpoints === 0);
  return [...warnings, ...alone.map(({ chain }) => `${chain}: without an outside checkpoint ${mayBeCut}`)];
}

const mayBeCut =
  'it is unproven that nothing was cut off together with its checkpoints. Give those that were kept elsewhere with --checkpoints.';

/** One chain in a sentence or two. */
export function summaryOf({ chain, length, removal, lastSigned, omitted }: ChainReport): string {
  const removed = removal?.number ?? 0;
  const kept = length - removed;
  const parts = [`${chain}: ${kept} ${kept === 1 ? 'event' : 'events'}, nothing wrong.`];
  if (omitted > 0) {
    parts.push(`${omitted} of them are left out, by their digests: what they say can not be seen here.`);
  }
  if (removal !== null) {
    parts.push(
      `Retention removed events 1 to ${removed} on ${removal.time} (signed with the key ${removal.keyId}).`,
    );
  }
  parts.push(
    lastSigned === null
      ? 'No signed checkpoint.'
      : `Signed up to event ${lastSigned.number} on ${lastSigned.time} (key ${lastSigned.keyId}).`,
  );
  return parts.join(' ');
}
