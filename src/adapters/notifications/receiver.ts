import { createHash } from 'node:crypto';
import type { Webhook } from 'standardwebhooks';
import type { NotificationType } from '../../core/notification.ts';
import { Secret } from '../../core/secret.ts';
import type { Subscription } from '../database/notification-queue.ts';
import { FollowedFile, UnusableFile } from '../files/followed-file.ts';
import { secretIn } from '../files/followed-secret.ts';
import { secretsIn } from './webhook-secrets.ts';

export type ReceiverOptions = {
  /** A URL, or the file that holds it: for workflow products the URL is the secret. */
  readonly address: { readonly value: Secret } | { readonly file: string };
  readonly secretFile: string | null;
  readonly format: 'cloudevents' | 'adaptive-card';
  readonly types: readonly NotificationType[] | null;
  readonly tenants: readonly string[] | null;
};

/** Where to send, and what to sign with. */
export type Target = { readonly url: Secret; readonly secrets: readonly Webhook[] };

export type Receiver = {
  readonly format: ReceiverOptions['format'];
  readonly subscription: Subscription;
  /** How metrics and the log name it: its place in the settings and its host, and nothing else of its URL. */
  label(): string;
  /** What the files hold now; `null` where they have never held anything usable. */
  target(): Target | null;
  /** Why a file is not used as it is now; `null` where nothing is wrong. */
  problem(): string | null;
};

/** The receivers that settings name. `isUsableUrl` says which addresses a file may hold; `onProblem` is called with why
 *  a file cannot be used, once for each reason. */
export function receiversFrom(
  webhooks: readonly ReceiverOptions[],
  isUsableUrl: (text: string) => boolean,
  onProblem: (label: string, problem: string) => void,
): readonly Receiver[] {
  const keys = webhooks.map(({ address }) => keyOf(address));
  return webhooks.map((options, index) => {
    const place = `webhooks[${index}]`;
    const report = (file: string) => (problem: string) => onProblem(place, `${file} ${problem}`);
    const address = followAddress(options.address, isUsableUrl, report('urlFile'));
    const secrets = followSecrets(options.secretFile, report('secretFile'));
    // The same address twice is two receivers; their order distinguishes them.
    const nth = keys.slice(0, index).filter((key) => key === keys[index]).length;
    return {
      format: options.format,
      subscription: {
        receiver: `${keys[index]}${nth === 0 ? '' : `.${nth}`}`,
        types: options.types,
        tenants: options.tenants,
      },
      label() {
        const url = address.get();
        return url === null ? place : `${place} ${new URL(url.reveal()).host}`;
      },
      target() {
        const [url, signedWith] = [address.get(), secrets.get()];
        return url === null || signedWith === null ? null : { url, secrets: signedWith };
      },
      problem() {
        address.get();
        secrets.get();
        if (address.problem !== null) return `${place}.urlFile ${address.problem}`;
        return secrets.problem === null ? null : `${place}.secretFile ${secrets.problem}`;
      },
    };
  });
}

type Followed<Value> = Pick<FollowedFile<Value>, 'get' | 'problem'>;

function followAddress(
  address: ReceiverOptions['address'],
  isUsableUrl: (text: string) => boolean,
  onProblem: (problem: string) => void,
): Followed<Secret> {
  if ('value' in address) return { get: () => normalized(address.value), problem: null };
  return new FollowedFile({
    paths: [address.file],
    parse: ([content]) => {
      const url = secretIn(content);
      if (!isUsableUrl(url.reveal())) throw new UnusableFile('does not hold an https URL');
      return normalized(url);
    },
    onProblem,
  });
}

function normalized(url: Secret): Secret {
  return new Secret(new URL(url.reveal()).href);
}

function followSecrets(
  file: string | null,
  onProblem: (problem: string) => void,
): Followed<readonly Webhook[]> {
  if (file === null) return { get: () => [], problem: null };
  return new FollowedFile({ paths: [file], parse: ([content]) => secretsIn(content), onProblem });
}

/** The receiver's key in the database. An address in a file may change, and it is still the same receiver. */
function keyOf(address: ReceiverOptions['address']): string {
  const text = 'file' in address ? `file ${address.file}` : address.value.reveal();
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
