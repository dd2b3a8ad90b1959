// Loaded before the service (NODE_OPTIONS): waits for the simulator and trusts the certificate authority it made
// when it started; and again when it was restarted. For the simulator only: whoever answers first is believed.

import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';

const usual = tls.getCACertificates('default');
let trusted = '';

async function look() {
  const answer = await fetch('http://simulator:8081/', { signal: AbortSignal.timeout(2000) }).catch(
    () => null,
  );
  if (!answer?.ok) return;
  const authority = await answer.text();
  if (authority === trusted) return;
  tls.setDefaultCACertificates([...usual, authority]);
  trusted = authority;
}

// The migration and the health check talk to no simulator.
if (process.argv[1]?.endsWith('main.js')) {
  while (trusted === '') {
    await look();
    if (trusted === '') await delay(500);
  }
  setInterval(look, 10_000).unref();
}
