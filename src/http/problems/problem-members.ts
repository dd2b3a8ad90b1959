import { z } from 'zod';

/** Further members that problems have. */

export const invalidFields = z
  .array(z.object({ field: z.string(), message: z.string() }).meta({ id: 'InvalidField' }))
  .describe('With `request_invalid`: each field or parameter that is wrong.');

export const consentUrl = z
  .url()
  .describe('With `consent_required`: where an administrator of the tenant can grant it.');

export const approvalCode = z
  .guid()
  .describe('With `decided_in_intune`: under which Intune knows the request for approval.');

export const aboutOperation = {
  operationId: z.guid().describe('The operation it is about.'),
  operation: z.string().describe('Where that operation can be read.'),
};
