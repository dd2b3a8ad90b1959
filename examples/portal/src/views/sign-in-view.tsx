import { useState } from 'preact/hooks';
import { isWishKept } from '../disconnect/disconnecting.ts';
import { Mark, ToneIcon } from '../parts/icons.tsx';
import { SignInButton } from '../parts/sign-in-button.tsx';
import { ViewTitle } from '../parts/view-title.tsx';
import { say } from '../sentences/sentences.ts';
import type { SignIn } from '../sign-in.ts';

/** The only view without a sign-in. */
export function SignInView({ signIn, onSignedIn }: { signIn: SignIn; onSignedIn: () => void }) {
  const [unsure] = useState(() => isWishKept(sessionStorage));
  return (
    <main class="sign-in">
      <p class="brand">
        <Mark />
        {say.portal.name}
      </p>
      <ViewTitle title={say.signIn.title} />
      {unsure && (
        <aside class="notice tone-unsure" aria-label={say.open.label}>
          <ToneIcon tone="unsure" />
          <p>{say.open.unsureHere}</p>
        </aside>
      )}
      <p class="lead">{say.signIn.lead}</p>
      <p>{say.signIn.about}</p>
      <SignInButton label={say.signIn.button} interact={() => signIn.interact()} onSignedIn={onSignedIn} />
      <p class="hint">{say.signIn.window}</p>
    </main>
  );
}
