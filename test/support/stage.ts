import assert from 'node:assert/strict';
import type { Settings } from '../../src/settings/settings.ts';
import {
  type Environment,
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from './service.ts';
import { adjusted, type Timings } from './timings.ts';

export type SceneOptions = {
  /** What the service's environment has besides, or otherwise. */
  environment?: Environment | ((testEnvironment: TestEnvironment) => Environment | Promise<Environment>);
  timings?: Timings;
  /** What neither the environment nor `timings` has a name for. */
  adjust?: (settings: Settings) => Settings;
};

export type StartOptions = Omit<SceneOptions, 'environment'> & {
  environment?: Environment;
  /** Does not wait until it is ready. */
  unready?: boolean;
};

/** A test environment, and the services in it. */
export class Stage {
  readonly #options: SceneOptions;
  readonly #started: TestService[] = [];
  #testEnvironment: TestEnvironment | undefined;
  #environment: Environment = {};
  #service: TestService | undefined;

  constructor(options: SceneOptions) {
    this.#options = options;
  }

  get testEnvironment(): TestEnvironment {
    assert.ok(this.#testEnvironment, 'the tests have begun');
    return this.#testEnvironment;
  }

  get service(): TestService {
    const service = this.#service ?? this.#started.at(-1);
    assert.ok(service, 'a service was started');
    return service;
  }

  async open(): Promise<void> {
    const { environment = {} } = this.#options;
    this.#testEnvironment = await startTestEnvironment();
    this.#environment =
      typeof environment === 'function' ? await environment(this.#testEnvironment) : environment;
  }

  async openWithService(): Promise<void> {
    await this.open();
    this.#service = await this.#newService({});
  }

  /** A service that ends with the test. */
  async start(options: StartOptions): Promise<TestService> {
    const service = await this.#newService(options);
    this.#started.push(service);
    return service;
  }

  async clear(): Promise<void> {
    await this.testEnvironment.closeOperations();
    this.testEnvironment.simulator.reset();
    this.testEnvironment.simulator.clearCalls();
  }

  async endStarted(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((service) => service.close()));
  }

  async close(): Promise<void> {
    await this.endStarted();
    await this.#service?.close();
    await this.#testEnvironment?.close();
  }

  #newService({ environment, timings, adjust = unchanged, ...rest }: StartOptions): Promise<TestService> {
    const { timings: timingsOfAll, adjust: adjustAll = unchanged } = this.#options;
    const adjustTimings = adjusted({ ...timingsOfAll, ...timings });
    return startService(this.testEnvironment, {
      ...rest,
      environment: { ...this.#environment, ...environment },
      adjust: (settings) => adjust(adjustAll(adjustTimings(settings))),
    });
  }
}

const unchanged = (settings: Settings) => settings;
