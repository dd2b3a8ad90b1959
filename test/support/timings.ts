import type { Settings } from '../../src/settings/settings.ts';

/** What a test adjusts of the settings for operations. */
export type Timings = Partial<Omit<Settings['disconnect'], 'policy'>> & {
  policy?: Partial<Settings['disconnect']['policy']>;
  graphTimeoutMs?: number;
  /** Of a whole answer. */
  answerMs?: number;
  /** For a request to arrive. */
  requestTimeoutMs?: number;
  /** Of the database. */
  writeTimeoutMs?: number;
  limits?: Partial<Settings['limits']>;
  notifications?: Partial<Settings['notifications']>;
};

/** Settings that wait for nothing a test does not want to wait for. */
export function adjusted(timings: Timings = {}): (settings: Settings) => Settings {
  const {
    answerMs,
    requestTimeoutMs,
    graphTimeoutMs,
    writeTimeoutMs,
    limits,
    policy,
    notifications,
    ...disconnect
  } = timings;
  return (settings) => ({
    ...settings,
    server: {
      ...settings.server,
      answerMs: answerMs ?? settings.server.answerMs,
      requestTimeoutMs: requestTimeoutMs ?? settings.server.requestTimeoutMs,
    },
    graph: { ...settings.graph, timeoutMs: graphTimeoutMs ?? 1000 },
    audit: { ...settings.audit, writeTimeoutMs: writeTimeoutMs ?? settings.audit.writeTimeoutMs },
    limits: { ...settings.limits, callerPerMinute: 0, ...limits },
    notifications: { ...settings.notifications, ...notifications },
    disconnect: {
      ...settings.disconnect,
      watchEveryMs: 0,
      ...disconnect,
      policy: { ...settings.disconnect.policy, ...policy },
    },
  });
}
