import { availabilityProblems } from './catalogue/availability.ts';
import { operationProblems } from './catalogue/operation.ts';
import { permissionProblems } from './catalogue/permission.ts';
import { requestProblems } from './catalogue/request.ts';
import { signInProblems } from './catalogue/sign-in.ts';

/** Every problem, by its code. A new one is a row here, a case in `answers.ts` and an entry in docs/errors.md;
 *  the compiler and the tests find what is missing. */
export const catalogue = {
  ...requestProblems,
  ...signInProblems,
  ...permissionProblems,
  ...operationProblems,
  ...availabilityProblems,
};

/** The closed list of problem codes. */
export type ProblemCode = keyof typeof catalogue;

export const problemCodes = Object.keys(catalogue) as ProblemCode[];
