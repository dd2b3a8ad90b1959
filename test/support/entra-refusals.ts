/** What a caller can do about a refusal of Entra's. */
export type Remedy =
  | 'sign_in_with_claims'
  | 'sign_in'
  | 'blocked'
  | 'administrator'
  | 'our_credential'
  | 'our_setup'
  | 'wait';

/** Known refusals of Entra's token endpoint: AADSTS code, `error`, `suberror` (or none), remedy. */
// biome-ignore format: a table, one row a line.
export const entraRefusals: readonly (readonly [code: number, error: string, suberror: string | null, Remedy])[] = [
  [50076, 'interaction_required', 'basic_action', 'sign_in_with_claims'],
  [50079, 'interaction_required', 'basic_action', 'sign_in_with_claims'],
  [50158, 'interaction_required', null, 'sign_in_with_claims'],
  [50072, 'interaction_required', null, 'sign_in_with_claims'],
  [53003, 'interaction_required', 'message_only', 'sign_in_with_claims'],
  [530003, 'invalid_grant', 'message_only', 'sign_in_with_claims'],
  [530004, 'interaction_required', 'additional_action', 'sign_in_with_claims'],
  [50131, 'invalid_grant', null, 'sign_in_with_claims'],
  [50097, 'interaction_required', null, 'sign_in_with_claims'],
  [50173, 'invalid_grant', 'bad_token', 'sign_in'],
  [70043, 'invalid_grant', 'token_expired', 'sign_in'],
  [700082, 'invalid_grant', 'bad_token', 'sign_in'],
  [700084, 'invalid_grant', 'bad_token', 'sign_in'],
  [500133, 'invalid_grant', null, 'sign_in'],
  [50013, 'invalid_grant', null, 'sign_in'],
  [500131, 'invalid_grant', null, 'sign_in'],
  [70000, 'invalid_grant', 'bad_token', 'sign_in'],
  [50140, 'interaction_required', null, 'sign_in'],
  [50055, 'invalid_grant', 'user_password_expired', 'sign_in'],
  [53000, 'invalid_grant', 'message_only', 'blocked'],
  [53001, 'invalid_grant', 'message_only', 'blocked'],
  [53002, 'invalid_grant', 'message_only', 'blocked'],
  [530034, 'invalid_grant', 'message_only', 'blocked'],
  [50057, 'invalid_grant', null, 'blocked'],
  [50105, 'invalid_grant', null, 'blocked'],
  [65001, 'invalid_grant', 'consent_required', 'administrator'],
  [90094, 'invalid_grant', null, 'administrator'],
  [500011, 'invalid_resource', null, 'administrator'],
  [650052, 'invalid_client', null, 'administrator'],
  [7000229, 'invalid_client', null, 'administrator'],
  [700016, 'unauthorized_client', null, 'administrator'],
  [7000112, 'unauthorized_client', null, 'administrator'],
  [7000215, 'invalid_client', null, 'our_credential'],
  [7000222, 'invalid_client', null, 'our_credential'],
  [700024, 'invalid_client', null, 'our_credential'],
  [700027, 'invalid_client', null, 'our_credential'],
  [700211, 'invalid_client', null, 'our_credential'],
  [700213, 'invalid_client', null, 'our_credential'],
  [7000218, 'invalid_client', null, 'our_credential'],
  [70011, 'invalid_scope', null, 'our_setup'],
  [70021, 'invalid_request', null, 'our_credential'],
  [90002, 'invalid_request', null, 'our_setup'],
  [900439, 'invalid_request', null, 'our_setup'],
  [90033, 'temporarily_unavailable', null, 'wait'],
  [90055, 'temporarily_unavailable', null, 'wait'],
  [90024, 'temporarily_unavailable', null, 'wait'],
  [50000, 'server_error', null, 'wait'],
  [90036, 'server_error', null, 'wait'],
];
