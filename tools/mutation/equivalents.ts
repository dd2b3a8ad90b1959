/** Changes that no test can notice, and why. `change` is as the report prints it. */
export type Equivalent = { readonly change: string; readonly because: string };

export const equivalents: readonly Equivalent[] = [];
