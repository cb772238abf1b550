/** The injection token of `DpopConfig`. */
export const DPOP_CONFIG = Symbol('DPOP_CONFIG');

/** The injection token of `AuthorizationServerConfig`. */
export const AUTHORIZATION_SERVER_CONFIG = Symbol('DPOP_AUTHORIZATION_SERVER_CONFIG');
