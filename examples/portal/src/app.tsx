import { useMemo, useState } from 'preact/hooks';
import { Api } from './api/api.ts';
import { ApiClient } from './api/client.ts';
import { Asking, type Question } from './asking.ts';
import { ProofDialog } from './parts/proof-dialog.tsx';
import { Shell } from './shell.tsx';
import type { SignIn } from './sign-in.ts';
import { SignInContext } from './sign-in-context.ts';
import { SignInView } from './views/sign-in-view.tsx';

/** The whole portal: before the sign-in, and after it. */
export function App({ apiBaseUrl, signIn }: { apiBaseUrl: string; signIn: SignIn }) {
  const [signedIn, setSignedIn] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const { api, asking } = useMemo(() => {
    const asking = new Asking(setQuestion);
    const client = new ApiClient(apiBaseUrl, {
      token: (renewed) => signIn.token(renewed),
      askPerson: (claims) => asking.ask(claims),
    });
    return { api: new Api(client), asking };
  }, [apiBaseUrl, signIn]);

  const again = useMemo(() => () => signIn.interact(), [signIn]);
  if (!signedIn) return <SignInView signIn={signIn} onSignedIn={() => setSignedIn(true)} />;
  return (
    <SignInContext.Provider value={again}>
      <Shell api={api} onSignOut={() => void signIn.signOut()} />
      {question !== null && <ProofDialog question={question} signIn={signIn} asking={asking} />}
    </SignInContext.Provider>
  );
}
