/** *raw*: what Node.js itself can do. `node:http` and undici, and nothing between them. */
import { createServer } from 'node:http';
import { Pool } from 'undici';
import { fixedGraphToken } from '../upstream/graph-token.ts';
import { paths, serve, upstreamConnections, upstreamUrl } from './contestant.ts';

const pool = new Pool(upstreamUrl, { connections: upstreamConnections });
const headers = { authorization: `Bearer ${fixedGraphToken}`, accept: 'application/json' };

const server = createServer(async (request, response) => {
  const answer =
    request.method === 'POST'
      ? await pool.request({ method: 'POST', path: paths.graphDisconnect, headers })
      : await pool.request({ method: 'GET', path: paths.graphRead, headers });
  const body = await answer.body.text();
  response.writeHead(answer.statusCode, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
});

serve(server);
