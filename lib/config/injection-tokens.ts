/** The injection token of `DpopConfig`. */
export const DPOP_CONFIG = Symbol('DPOP_CONFIG');
