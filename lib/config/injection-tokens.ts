/** Injection token of the asserted configuration. */
export const DPOP_CONFIG = Symbol('DPOP_CONFIG');
