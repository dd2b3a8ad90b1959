import { useEffect, useRef } from 'preact/hooks';
import type { Asking, Question } from '../asking.ts';
import { say } from '../sentences/sentences.ts';
import type { SignIn } from '../sign-in.ts';
import { SignInButton } from './sign-in-button.tsx';

type Props = { readonly question: Question; readonly signIn: SignIn; readonly asking: Asking };

/** Stands before a call that needs a better sign-in. The window opens from a click in here, since browsers
 *  block one that opens by itself; and the person learns why. */
export function ProofDialog({ question, signIn, asking }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="proof-title"
      aria-describedby="proof-why"
      onCancel={(event) => {
        event.preventDefault();
        asking.refused();
      }}
    >
      <h2 id="proof-title">{say.proof.title}</h2>
      <p id="proof-why">{question.claims === null ? say.proof.expired : say.proof.claims}</p>
      <SignInButton
        label={say.proof.go}
        interact={() => signIn.interact(question.claims)}
        onSignedIn={() => asking.signedIn()}
      >
        <button type="button" class="button" onClick={() => asking.refused()}>
          {say.proof.cancel}
        </button>
      </SignInButton>
    </dialog>
  );
}
