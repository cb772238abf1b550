/** The injection token of `DpopConfig`. */
export const DPOP_CONFIG = Symbol('DPOP_CONFIG');

/** The injection token of the `NonceSecretSource` in force, from which the keys of nonces and of tickets are derived. */
export const NONCE_SECRETS = Symbol('DPOP_NONCE_SECRETS');

/** The injection token of `AuthorizationServerConfig`. */
export const AUTHORIZATION_SERVER_CONFIG = Symbol('DPOP_AUTHORIZATION_SERVER_CONFIG');
