import { otherTenantId, registration } from '../../simulator/directory.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import { availablePort } from '../available-port.ts';
import { DemoFailure } from './demo-failure.ts';
import { buildPortal, type Portal, startPortal } from './demo-portal.ts';
import { reconnectLine, report } from './demo-report.ts';
import type { Service } from './demo-service.ts';

/** The reference portal, once for each tenant: one lets a person disconnect alone, the other demands
 *  everything that policy can (config/demo.yaml). */
const sites = [
  { name: 'portal', port: 5173, tenantId: registration.tenantId, about: 'sign in as Ada Admin, say' },
  {
    name: 'portal (2)',
    port: 5174,
    tenantId: otherTenantId,
    about:
      'a tenant that demands a ticket, more proof and a second person: Ada Admin asks, Sven Second decides',
  },
];

export type Portals = {
  /** Where they are going to be. */
  origins: string[];
  start(service: Service, simulator: Simulator): Promise<void>;
  /** Says where they are. */
  list(): void;
};

/** Picks the portals' ports and begins to build their pages, which takes about as long as the rest. A portal
 *  that cannot be started is reported, and the demo goes on without it. */
export async function preparePortals(undo: (() => Promise<void>)[]): Promise<Portals> {
  const pages = buildPortal(undo);
  pages.catch(() => {});
  const ports: number[] = [];
  for (const { port } of sites) ports.push(await availablePort(port));
  const running: Portal[] = [];
  return {
    origins: ports.map((port) => `http://localhost:${port}`),
    async start(service, simulator) {
      try {
        await pages;
        for (const [index, { tenantId, name, port: usual }] of sites.entries()) {
          const port = ports[index] ?? usual;
          const portal = await startPortal({ port, tenantId, apiBaseUrl: service.url, simulator });
          undo.push(portal.stop);
          running.push(portal);
          report.step(name, portal.url);
          if (port !== usual) report.note(`Port ${usual} is taken, so it is at ${port}.`);
        }
      } catch (error) {
        report.note(error instanceof Error ? error.message : String(error));
        for (const line of error instanceof DemoFailure ? error.details : []) report.faint(line);
      }
    },
    list() {
      for (const [index, { url }] of running.entries()) {
        report.line(`${sites[index]?.name.padEnd(11)} ${url} (${sites[index]?.about})`);
      }
    },
  };
}

/** How to do again what can be done only once. */
export function showHowToReconnect(caFile: string, simulator: Simulator): void {
  report.title('To connect a tenant again after a disconnect');
  for (const { tenantId } of sites) {
    report.command(reconnectLine(caFile, simulator.url, tenantId));
  }
}
