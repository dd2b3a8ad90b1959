import { createDefaultMonokleValidator } from '@monokle/validation';
import { stringify } from 'yaml';
import type { Resource } from './render.ts';

// The profile "restricted" is the baseline's rules and these, which are off unless asked for.
const restricted = [
  'volume-types',
  'privilege-escalation',
  'running-as-non-root',
  'running-as-non-root-user',
  'seccomp-strict',
  'capabilities-strict',
];

/** Where pods fall short of Pod Security's profile "restricted". */
export async function podSecurityProblems(resources: readonly Resource[]): Promise<string[]> {
  const validator = createDefaultMonokleValidator();
  await validator.preload({
    plugins: { 'pod-security-standards': true },
    rules: Object.fromEntries(restricted.map((rule) => [`pod-security-standards/${rule}`, 'err'])),
  });
  const { runs } = await validator.validate({
    resources: resources.map((content, index) => ({
      id: String(index),
      fileId: 'rendered',
      filePath: 'rendered.yaml',
      fileOffset: 0,
      text: stringify(content),
      name: content.metadata.name,
      ...(content.metadata.namespace === undefined ? {} : { namespace: content.metadata.namespace }),
      apiVersion: content.apiVersion,
      kind: content.kind,
      content,
    })),
  });
  return runs.flatMap((run) =>
    run.results.map(
      ({ message, locations }) =>
        `${locations[1]?.logicalLocations?.[0]?.fullyQualifiedName}: ${message.text}`,
    ),
  );
}
