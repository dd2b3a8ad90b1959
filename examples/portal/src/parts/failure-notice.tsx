import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem, NoAnswer, SignInAbandoned } from '../api/failures.ts';
import type { Problem, ProblemCode } from '../api/types.ts';
import { addressOf } from '../route.ts';
import type { Told } from '../sentences/en.ts';
import { say } from '../sentences/sentences.ts';
import { told } from '../sentences/told.ts';
import { ToneIcon } from './icons.tsx';
import { SignInAgain } from './sign-in-again.tsx';

type Props = {
  readonly error: unknown;
  readonly title?: string;
  readonly onTryAgain?: (() => void) | undefined;
  /** Takes the focus when it comes up: where it is the answer to what the person just did. */
  readonly takesFocus?: boolean;
  readonly children?: ComponentChildren;
};

/** A failure as a sentence, what to do next, and the id to quote. */
export function FailureNotice({ error, title, onTryAgain, takesFocus = false, children }: Props) {
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    if (takesFocus) place.current?.focus();
  }, [takesFocus, error]);
  // Who cancels has done what they wanted.
  const cancelled = error instanceof SignInAbandoned;
  const signsIn = isCuredBySigningIn(error);
  // The call itself asks for the sign-in that it needs, with the proof that it needs.
  const asksAgain = cancelled && onTryAgain !== undefined;
  const tone = cancelled ? 'quiet' : 'bad';
  return (
    <section class={`notice tone-${tone}`} role={cancelled ? 'status' : 'alert'} tabIndex={-1} ref={place}>
      <ToneIcon tone={tone} />
      <div class="notice-text">
        {title !== undefined && !cancelled && <p class="notice-title">{title}</p>}
        <FailureText error={error} />
        {children}
        {signsIn && !asksAgain && <SignInAgain onSignedIn={onTryAgain} />}
        {onTryAgain && (!signsIn || asksAgain) && (
          <p class="actions">
            <button type="button" class="button" onClick={onTryAgain}>
              {asksAgain ? say.failure.signInAgain : say.failure.tryAgain}
            </button>
          </p>
        )}
      </div>
    </section>
  );
}

const signInCodes: ReadonlySet<ProblemCode> = new Set([
  'token_missing',
  'invalid_token',
  'insufficient_claims',
  'graph_token_rejected',
]);

function isCuredBySigningIn(error: unknown): boolean {
  if (error instanceof SignInAbandoned) return true;
  return error instanceof ApiProblem && signInCodes.has(error.problem.code);
}

type TextProps = {
  readonly error: unknown;
  /** An earlier try may have been carried out, so that nothing must be said of that. */
  readonly unsure?: boolean;
};

/** The same within a notice about something more. */
export function FailureText({ error, unsure = false }: TextProps) {
  const { what, next, nothingDone = false } = sentenceFor(error);
  const problem = error instanceof ApiProblem ? error.problem : null;
  const retryAfter = error instanceof ApiProblem ? error.retryAfter : null;
  return (
    <>
      <p class="notice-what">
        {what}
        {nothingDone && !unsure && ` ${say.failure.nothingDone}`}
      </p>
      {problem !== null && <Particulars problem={problem} />}
      <p>{next}</p>
      {retryAfter !== null && <p>{say.failure.waitFor(retryAfter)}</p>}
      {problem !== null && <RequestId id={problem.requestId} />}
    </>
  );
}

function sentenceFor(error: unknown): Told {
  if (error instanceof ApiProblem) return told(error.problem);
  if (error instanceof NoAnswer) return say.failure.noAnswer;
  if (error instanceof SignInAbandoned) return say.failure.signInCancelled;
  return say.failure.defect;
}

type Particular = Partial<Pick<Problem, 'detail' | 'errors' | 'consentUrl' | 'operationId'>> & {
  readonly code: string | null;
};

/** What a problem, or a check that failed with one, says about this very call. */
export function Particulars({ problem }: { problem: Particular }) {
  return (
    <>
      {problem.code === 'disconnect_disabled' && problem.detail !== undefined && (
        <p>{say.failure.inItsWords(problem.detail)}</p>
      )}
      {problem.errors !== undefined && (
        <ul>
          {problem.errors.map(({ field, message }) => (
            <li key={`${field} ${message}`}>{say.failure.field(field, message)}</li>
          ))}
        </ul>
      )}
      {problem.consentUrl?.startsWith('https://') && (
        <p>
          <a href={problem.consentUrl} target="_blank" rel="noreferrer">
            {say.failure.openConsent}
          </a>
        </p>
      )}
      {problem.operationId !== undefined && (
        <p>
          <a href={addressOf({ view: 'operation', id: problem.operationId })}>{say.failure.openOperation}</a>
        </p>
      )}
    </>
  );
}

function RequestId({ id }: { id: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <p class="request-id">
      {say.failure.requestId}: <code>{id}</code>{' '}
      <button
        type="button"
        class="link-button"
        aria-label={say.failure.copyRequestId}
        onClick={() =>
          // Where the browser refuses, the id still stands there to be marked.
          void navigator.clipboard.writeText(id).then(
            () => setCopied(true),
            () => {},
          )
        }
      >
        {say.failure.copy}
      </button>
      <span role="status">{copied && ` ${say.failure.copied}`}</span>
    </p>
  );
}
