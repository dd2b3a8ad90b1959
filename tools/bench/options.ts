import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parts } from './parts.ts';
import { type Scale, scales } from './scale.ts';

export type Options = {
  readonly parts: typeof parts;
  readonly scale: Scale;
  readonly jsonFile: string | null;
  readonly profileFolder: string | null;
  readonly list: boolean;
};

/** Raised for a command line that makes no sense; the message is for the person who typed it. */
export class UsageError extends Error {}

const usage = `Usage: npm run bench [-- OPTIONS]
  --only PART[,PART]  these parts alone, each shortened to a minute at most (many-users apart)
  --full              with --only: as long as in a run of everything
  --users N[,N]       the numbers of users a read is measured with; 1,1000
  --json FILE         everything measured, for programs
  --profile FOLDER    a CPU profile of each service goes there (and makes it slower)
  --smoke             a second of everything: shows that it works, and measures nothing
  --list              what there is to measure
Without --only it measures everything, in full: about half an hour.`;

export function optionsFrom(args: readonly string[]): Options {
  const given = parse(args);
  const chosen = given.only?.split(',') ?? parts.map(({ name }) => name);
  const unknown = chosen.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) throw new UsageError(`There is no part ${unknown.join(', ')}.\n${usage}`);
  const full = given.full || given.only === undefined;
  const scale = scales[given.smoke ? 'smoke' : full ? 'full' : 'short'];
  return {
    parts: parts.filter(({ name }) => chosen.includes(name)),
    scale: given.users === undefined ? scale : { ...scale, users: usersFrom(given.users) },
    jsonFile: given.json ?? null,
    profileFolder: given.profile === undefined ? null : resolve(given.profile),
    list: given.list,
  };
}

function usersFrom(text: string): number[] {
  const users = text.split(',').map(Number);
  if (users.some((count) => !Number.isInteger(count) || count < 1)) {
    throw new UsageError(`--users takes whole numbers, such as 1,1000.\n${usage}`);
  }
  return users;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        full: { type: 'boolean', default: false },
        users: { type: 'string' },
        json: { type: 'string' },
        profile: { type: 'string' },
        smoke: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : 'unknown option'}\n${usage}`);
  }
}
