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
 *  own, encrypted where the other is): otherwise it would go on waiting, and keep its locks, for nobody. Never
 *  rejects. */
export function cancelRunning(client: pg.ClientBase): Promise<void> {
  const { host, port, ssl, processID, secretKey } = client as Cancellable;
  if (processID === null || secretKey === null) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const connection = new pg.Connection({ ssl } as ConstructorParameters<
    typeof pg.Connection
  >[0]) as Connection;
  const send = () => connection.cancel(processID, secretKey);
  const done = () => {
    clearTimeout(timer);
    connection.stream.destroy();
    resolve();
  };
  const timer = setTimeout(done, cancelMs);
  connection.on('error', done);
  connection.on('end', done);
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
