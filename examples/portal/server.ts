import { existsSync, fstatSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { loadEnvironment, UnusableEnvironment } from './server/environment.ts';
import { createPortalHandler } from './server/handler.ts';

// The portal's own server, on its own origin: nothing a browser runs shares one with the API. Any server of
// static files will do in its place, if it sends the same headers (server/handler.ts) and a config.json.

const folder = fileURLToPath(new URL('dist', import.meta.url));
try {
  serve();
} catch (error) {
  if (!(error instanceof UnusableEnvironment)) throw error;
  fail(error.message);
}

function serve(): void {
  const environment = loadEnvironment(process.env);
  if (!existsSync(`${folder}/index.html`)) fail('It is not built: npm run build -w examples/portal');
  const server = createServer(createPortalHandler(environment, folder));
  server.on('error', (error) => fail(error.message));
  server.listen(environment.port, environment.host, () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : environment.port;
    // Listening everywhere is no address to go to.
    const host = ['0.0.0.0', '::'].includes(environment.host) ? 'localhost' : environment.host;
    console.log(JSON.stringify({ portal: `http://${host}:${port}` }));
  });

  const stop = () => {
    server.close();
    server.closeAllConnections();
    process.stdin.destroy();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  if (hasParent()) process.stdin.resume().once('end', stop).once('error', stop);
}

/** Whether a program started this one and holds its input: then it is not to outlive that. */
function hasParent(): boolean {
  const input = fstatSync(0);
  return input.isFIFO() || input.isSocket();
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
