import { render } from 'preact';
import { App } from './app.tsx';
import { loadConfig } from './config.ts';
import { say } from './sentences/sentences.ts';
import { SignIn } from './sign-in.ts';
import { BrokenView } from './views/broken-view.tsx';

document.documentElement.lang = say.language;
const place = document.getElementById('portal');
if (place === null) throw new Error('The page has no #portal.');

try {
  const config = await loadConfig();
  const signIn = await SignIn.prepare(config);
  render(<App apiBaseUrl={config.apiBaseUrl} signIn={signIn} />, place);
} catch (error) {
  console.error(error);
  render(<BrokenView />, place);
}
