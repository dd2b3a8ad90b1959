import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';
import { metricIn } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

describe('what reads the log stops reading', () => {
  const it = emptyScene();
  let service: ServiceProcess;
  beforeEach(async () => {
    service = await startServiceProcess(it.testEnvironment);
  });
  afterEach(() => service?.kill());

  const metric = async (kind: string) => {
    const { text } = await service.management.get('/metrics');
    return metricIn(text, 'chromeos_bff_log_lines_dropped_total', { kind });
  };
  const live = async () => (await service.management.get('/livez')).status;

  /** Calls that leave a log line of 0.7 kB each, until the buffer is full. */
  async function fill(): Promise<void> {
    const request = `GET /nowhere HTTP/1.1\r\nhost: x\r\nuser-agent: ${'u'.repeat(250)}\r\n\r\n`;
    const socket = net.connect(Number(new URL(service.url).port)).setEncoding('latin1');
    await once(socket, 'connect');
    let answered = 0;
    socket.on('data', (text) => {
      answered += String(text).split('HTTP/1.1 404').length - 1;
    });
    for (let round = 1; (await metric('request')) === 0; round += 1) {
      socket.write(request.repeat(250));
      await until('all are answered', () => answered === round * 250);
      assert.equal(await live(), 200);
    }
    socket.destroy();
  }

  test('serves on, drops request lines first, counts them, and says so when it is read again', async () => {
    service.stopReading();
    await fill();
    assert.equal((await it.readConnection({ on: service, as: 'reader' })).status, 200);
    assert.equal(await live(), 200);
    assert.deepEqual([await metric('log'), await metric('audit'), await metric('checkpoint')], [0, 0, 0]);

    const dropped = await metric('request');
    service.readOn();
    await until('it says what was dropped', () => service.log.some((line) => line.dropped !== undefined));
    const said = service.log.find((line) => line.dropped !== undefined);
    assert.deepEqual(
      [said?.level, said?.dropped],
      ['warn', { request: dropped, log: 0, audit: 0, checkpoint: 0 }],
    );
    const reads = service.log.filter((line) => line.stream === 'audit');
    assert.deepEqual(
      reads.map((line) => (line.event as { event: string }).event),
      ['read'],
    );
    // In the order in which they were logged.
    const times = service.log.map((line) => String(line.time));
    assert.deepEqual(times, times.toSorted());
  });

  test('hears SIGTERM and ends', async () => {
    service.stopReading();
    await fill();
    service.child.kill('SIGTERM');
    assert.equal(await service.ended(), 0);
  });

  test('a reader that has gone is no reason to end', async () => {
    service.child.stdout?.destroy();
    await fill();
    assert.equal(await live(), 200);
    service.child.kill('SIGTERM');
    assert.equal(await service.ended(), 0);
  });
});
