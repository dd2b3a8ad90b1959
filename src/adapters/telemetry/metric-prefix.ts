/** How the names of this service's own metrics begin. */
export const prefix = 'chromeos_bff_';
