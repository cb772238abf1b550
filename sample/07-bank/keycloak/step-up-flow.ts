/** The levels of authentication, by the `acr` that clients ask for and tokens name. */
export const LEVEL_BY_ACR = { pwd: 1, phr: 2 } as const;

/** The name of the browser flow below. */
export const STEP_UP_FLOW = 'password, and a code on demand';

const FORMS = 'forms';
const PASSWORD = 'level 1: password';
const CODE = 'level 2: code';

/** Keycloak spells `authenticatorFlow` so. */
const flow = (flowAlias: string, requirement: string, priority: number) => ({
  flowAlias,
  requirement,
  priority,
  authenticatorFlow: true,
});

const step = (
  authenticator: string,
  requirement: string,
  priority: number,
  authenticatorConfig?: string,
) => ({
  authenticator,
  requirement,
  priority,
  ...(authenticatorConfig !== undefined && { authenticatorConfig }),
});

const subFlow = (alias: string, authenticationExecutions: readonly object[], topLevel = false) => ({
  alias,
  providerId: 'basic-flow',
  topLevel,
  builtIn: false,
  authenticationExecutions,
});

const LEVEL_CONDITION = 'conditional-level-of-authentication';

/** The cookie of a session, or the forms: the password at level 1, and a one-time code if level 2 is asked for. */
export const AUTHENTICATION_FLOWS = [
  subFlow(STEP_UP_FLOW, [step('auth-cookie', 'ALTERNATIVE', 10), flow(FORMS, 'ALTERNATIVE', 20)], true),
  subFlow(FORMS, [flow(PASSWORD, 'CONDITIONAL', 10), flow(CODE, 'CONDITIONAL', 20)]),
  subFlow(PASSWORD, [
    step(LEVEL_CONDITION, 'REQUIRED', 10, PASSWORD),
    step('auth-username-password-form', 'REQUIRED', 20),
  ]),
  subFlow(CODE, [step(LEVEL_CONDITION, 'REQUIRED', 10, CODE), step('auth-otp-form', 'REQUIRED', 20)]),
];

const levelOf = (alias: string, level: number, maxAgeSeconds: number) => ({
  alias,
  config: { 'loa-condition-level': String(level), 'loa-max-age': String(maxAgeSeconds) },
});

/**
 * How long a level lasts in a session. The code is asked for each time: `auth_time` would otherwise be that of a later
 * password, and the code be older.
 */
export const AUTHENTICATOR_CONFIG = [
  levelOf(PASSWORD, LEVEL_BY_ACR.pwd, 36_000),
  levelOf(CODE, LEVEL_BY_ACR.phr, 0),
];
