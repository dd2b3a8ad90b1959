/** The tenant's connection to Google's ChromeOS management, as Graph shows it. Statuses are strings:
 *  Graph's enumeration may grow, and a new value is data, not an error. */
export type ConnectionState = {
  readonly id: string;
  readonly owner: string | null;
  readonly status: string;
  readonly lastModified: string | null;
  readonly lastDirectorySync: string | null;
};

/** What Graph's collection showed at one moment. A tenant has one connection at most. */
export type SeenConnection = {
  readonly members: readonly ConnectionState[];
  /** A strong validator (RFC 9110 8.8.1) over everything Graph showed. */
  readonly etag: string;
};

/** The statuses that say a disconnect is under way. */
export const disconnectingStatuses: readonly string[] = ['offboarding', 'inprogress'];

/** The values of `chromeOSOnboardingStatus` we know. */
export const knownStatuses: readonly string[] = [
  'unknown',
  'inprogress',
  'onboarded',
  'failed',
  'offboarding',
  'unknownFutureValue',
];
