import type { ChainReport } from './chain-proofs.ts';
import type { Findings } from './finding.ts';
import { inWords } from './lateness.ts';
import { toldOf } from './lost-history.ts';
import type { FoundOutside } from './outside-checkpoints.ts';

/** What cannot be known about chains, in sentences. */
export function warningsOf(
  reports: readonly ChainReport[],
  findings: Findings,
  { checkpoints, unproven }: FoundOutside,
): string[] {
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
  for (const { chain, losses } of reports) {
    for (const loss of losses.filter(({ explains }) => explains === 0)) {
      warnings.push(
        `${chain}: the trail says that events up to ${loss.number} had been on record and were lost: ${toldOf(loss)}. The outside checkpoints that were given do not show such a loss.`,
      );
    }
  }
  if (unproven > 0) {
    warnings.push(
      `In what --checkpoints names, ${unproven} look like checkpoints but are not signed with a given key; they count for nothing.`,
    );
  }
  // Something was found to be wrong; that something may be wrong adds nothing.
  if (findings.list.length > 0) return warnings;
  if (checkpoints.size === 0) return [...warnings, `Without outside checkpoints ${mayBeCut}`];
  const alone = reports.filter(({ outsideCheckpoints }) => outsideCheckpoints === 0);
  return [...warnings, ...alone.map(({ chain }) => `${chain}: without an outside checkpoint ${mayBeCut}`)];
}

const mayBeCut =
  'it is unproven that nothing was cut off together with its checkpoints. Give those that were kept elsewhere with --checkpoints.';

/** One chain in a sentence or two. */
export function summaryOf(report: ChainReport, findings: Findings): string {
  const { chain, length, removal, firstSigned, lastSigned, omitted } = report;
  const removed = removal?.number ?? 0;
  const kept = Math.max(0, length - removed);
  const wrong = findings.list.filter((finding) => finding.chain === chain).length;
  const verdict = wrong === 0 ? 'nothing wrong' : `${wrong} ${wrong === 1 ? 'finding' : 'findings'}`;
  const parts = [`${chain}: ${kept} ${kept === 1 ? 'event' : 'events'}, ${verdict}.`];
  if (omitted > 0) {
    parts.push(`${omitted} of them are left out, by their digests: what they say cannot be seen here.`);
  }
  if (removal !== null) {
    parts.push(
      `Retention removed events 1 to ${removed} on ${removal.time} (signed with the key ${removal.keyId}).`,
    );
  }
  if (lastSigned === null || firstSigned === null) parts.push('No signed checkpoint.');
  else {
    parts.push(`Signed up to event ${lastSigned.number} on ${lastSigned.time} (key ${lastSigned.keyId}).`);
    if (firstSigned.afterSeconds >= 3600) {
      parts.push(`First signed on ${firstSigned.time}, ${inWords(firstSigned.afterSeconds * 1000)} after.`);
    }
  }
  return parts.join(' ');
}
