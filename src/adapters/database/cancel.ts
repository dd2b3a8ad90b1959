import pg from 'pg';

// If the server does not even accept this, nothing more can be done.
const cancelMs = 2000;

type Cancellable = pg.ClientBase & {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
  readonly processID: number | null;
  readonly secretKey: number | null;
};

/** Asks PostgreSQL to end what runs on a connection that we give up (a `CancelRequest`, on a connection of its
 *  own, encrypted where the other is): otherwise it would go on waiting, and keep its locks, for nobody. Returns
 *  whether PostgreSQL has passed it on: it closes that connection after that, and what is asked later is not ended
 *  by it. Never rejects. */
export function cancelRunning(client: pg.ClientBase): Promise<boolean> {
  const { host, port, ssl, processID, secretKey } = client as Cancellable;
  if (processID === null || secretKey === null) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = new pg.Connection({ ssl } as ConstructorParameters<
    typeof pg.Connection
  >[0]) as Connection;
  let sent = false;
  const send = () => {
    sent = true;
    connection.cancel(processID, secretKey);
  };
  const done = (passedOn: boolean) => {
    clearTimeout(timer);
    connection.stream.destroy();
    resolve(passedOn);
  };
  const timer = setTimeout(() => done(false), cancelMs);
  connection.on('error', () => done(false));
  connection.on('end', () => done(sent));
  connection.on('connect', () => (ssl ? connection.requestSsl() : send()));
  connection.on('sslconnect', send);
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
  else connection.connect(port, host);
  return promise;
}

type Connection = pg.Connection & {
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
};
