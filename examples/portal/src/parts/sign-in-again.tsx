import { useContext, useState } from 'preact/hooks';
import { say } from '../sentences/sentences.ts';
import { SignInContext } from '../sign-in-context.ts';
import { SignInButton } from './sign-in-button.tsx';

/** The way out of a sign-in that is not accepted any more. */
export function SignInAgain({ onSignedIn }: { onSignedIn: (() => void) | undefined }) {
  const interact = useContext(SignInContext);
  const [done, setDone] = useState(false);
  if (interact === null) return null;
  if (done && onSignedIn === undefined) return <p role="status">{say.failure.signedInAgain}</p>;
  return (
    <SignInButton
      label={say.failure.signInAgain}
      interact={interact}
      onSignedIn={() => {
        setDone(true);
        onSignedIn?.();
      }}
    />
  );
}
