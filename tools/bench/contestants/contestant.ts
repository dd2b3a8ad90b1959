import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The paths everybody serves, and those of Graph behind them. */
export const paths = {
  read: '/api/v1/deviceManagement/chromeOSOnboardingSettings',
  disconnect: '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect',
  graphRead: '/beta/deviceManagement/chromeOSOnboardingSettings',
  graphDisconnect: '/beta/deviceManagement/chromeOSOnboardingSettings/disconnect',
} as const;

/** Where Entra ID and Graph are. */
export const upstreamUrl = process.env.BENCH_UPSTREAM ?? '';

/** More than the load's connections, so that none ever waits for another. */
export const upstreamConnections = 128;

/** Serves until the bench ends, tells it where, and tells it when asked what this process has cost. */
export function serve(server: Server): void {
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on('disconnect', () => process.exit(0));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuSeconds: (user + system) / 1e6 });
  });
}
