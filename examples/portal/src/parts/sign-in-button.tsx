import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { say } from '../sentences/sentences.ts';
import { OtherPerson, SignInCancelled, WindowBlocked } from '../sign-in.ts';

type Props = {
  readonly label: string;
  readonly interact: () => Promise<void>;
  readonly onSignedIn: () => void;
  readonly children?: ComponentChildren;
};

/** Opens the sign-in window, and again if the person closed it: that it was closed cannot be seen from
 *  here, since Entra ID's pages keep apart from whoever opened them. */
export function SignInButton({ label, interact, onSignedIn, children }: Props) {
  const [waiting, setWaiting] = useState(false);
  const [complaint, setComplaint] = useState<string | null>(null);
  const [cancelled, setCancelled] = useState(false);
  const latest = useRef(0);

  const open = async () => {
    latest.current += 1;
    const mine = latest.current;
    setWaiting(true);
    setComplaint(null);
    setCancelled(false);
    try {
      await interact();
      if (mine === latest.current) onSignedIn();
    } catch (error) {
      // A window that was given up for another one fails too; nobody needs to hear of it.
      if (mine !== latest.current) return;
      setWaiting(false);
      if (error instanceof SignInCancelled) setCancelled(true);
      else setComplaint(complaintFor(error));
    }
  };

  return (
    <>
      <p class="actions">
        <button type="button" class="button primary" onClick={() => void open()}>
          {waiting ? say.signIn.again : label}
        </button>
        {children}
      </p>
      <p role="status" class="hint">
        {waiting ? say.signIn.waiting : cancelled ? say.signIn.cancelled : ''}
      </p>
      {complaint !== null && (
        <p role="alert" class="field-error">
          {complaint}
        </p>
      )}
    </>
  );
}

function complaintFor(error: unknown): string {
  if (error instanceof WindowBlocked) return say.signIn.blocked;
  if (error instanceof OtherPerson) return say.signIn.otherPerson;
  return say.signIn.failed;
}
