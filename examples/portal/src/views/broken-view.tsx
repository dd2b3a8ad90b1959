import { say } from '../sentences/sentences.ts';

/** Where there are no settings there is no portal. */
export function BrokenView() {
  return (
    <main class="sign-in">
      <h1>{say.portal.broken}</h1>
      <p role="alert">{say.portal.brokenBecause}</p>
    </main>
  );
}
