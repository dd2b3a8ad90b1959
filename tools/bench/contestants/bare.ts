/** *bare*: an Express route that forwards with undici. No sign-in, no exchange, no record. */
import { createServer } from 'node:http';
import express from 'express';
import { Pool } from 'undici';
import { fixedGraphToken } from '../upstream/graph-token.ts';
import { paths, serve, upstreamConnections, upstreamUrl } from './contestant.ts';

const pool = new Pool(upstreamUrl, { connections: upstreamConnections });
const headers = { authorization: `Bearer ${fixedGraphToken}`, accept: 'application/json' };
const app = express();

app.get(paths.read, async (_request, response) => {
  const answer = await pool.request({ method: 'GET', path: paths.graphRead, headers });
  response
    .status(answer.statusCode)
    .type('application/json')
    .send(await answer.body.text());
});

app.post(paths.disconnect, async (_request, response) => {
  const answer = await pool.request({ method: 'POST', path: paths.graphDisconnect, headers });
  response
    .status(answer.statusCode)
    .type('application/json')
    .send(await answer.body.text());
});

serve(createServer(app));
