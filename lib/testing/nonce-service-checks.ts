import type { AcceptedNonce, NonceService } from '../nonce/nonce.service.js';
import type { Clock } from '../runtime/clock.js';
import { CheckClock, type ConformanceCheck, expectThat } from './conformance-check.js';

/** How `nonceServiceChecks` makes a service. */
export interface NonceServiceSetUp {
  /**
   * Makes the nonce service of one instance. All instances recognise each other's nonces.
   *
   * @param clock returns milliseconds since the Unix epoch
   */
  readonly create: (clock: Clock) => NonceService | Promise<NonceService>;
  /** Makes that of another service, whose nonces must not be recognised. Without it, that is not checked. */
  readonly createForeign?: (clock: Clock) => NonceService | Promise<NonceService>;
}

const EPOCH = 'Ab-_1234';

/**
 * What every `NonceService` must do, as a list of checks for any test runner. That of this library passes them.
 *
 * @see RFC 9449 §8 and §11.3
 */
export function nonceServiceChecks({
  create,
  createForeign,
}: NonceServiceSetUp): readonly ConformanceCheck[] {
  const laws: Readonly<Record<string, () => Promise<void>>> = {
    'recognises a nonce at once, on each instance': async () => {
      const clock = new CheckClock();
      const one = await create(clock.read);
      const nonce = one.issue(EPOCH);
      for (const service of [one, await create(clock.read)]) accept(service, nonce);
      accept(one, one.issue());
    },

    'issues nonces of the characters that a header and a JSON string can carry': async () => {
      const service = await create(new CheckClock().read);
      for (const nonce of [service.issue(), service.issue(EPOCH)])
        expectThat(
          /^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/.test(nonce),
          'a nonce must be 1 to 512 NQCHARs (RFC 9449 §8.1)',
        );
    },

    'returns the epoch that the nonce was issued with': async () => {
      const service = await create(new CheckClock().read);
      const { epoch } = accept(service, service.issue(EPOCH));
      expectThat(epoch === EPOCH, `issued with the epoch ${EPOCH}, checked with ${epoch}`);
    },

    'recognises a nonce until it expires, and no longer': async () => {
      const clock = new CheckClock();
      const service = await create(clock.read);
      const { nowSeconds } = clock;
      const nonce = service.issue(EPOCH);
      const { expiresAtSeconds } = accept(service, nonce);
      expectThat(expiresAtSeconds > nowSeconds, 'expiresAtSeconds of a new nonce must be in the future');
      expectThat(
        expiresAtSeconds - nowSeconds <= service.maxLifetimeSeconds,
        'a nonce lives longer than maxLifetimeSeconds',
      );
      clock.advance(expiresAtSeconds - nowSeconds - 1);
      accept(service, nonce);
      clock.advance(1.001);
      refuse(service, nonce, 'expired');
      clock.advance(service.maxLifetimeSeconds);
      refuse(service, nonce, 'expired');
    },

    'says that a renewal is due before a nonce expires, and not at once': async () => {
      const clock = new CheckClock();
      const service = await create(clock.read);
      const nonce = service.issue();
      const { expiresAtSeconds, renewalDue } = accept(service, nonce);
      expectThat(!renewalDue, 'a new nonce must not be due for renewal');
      clock.advance(expiresAtSeconds - clock.nowSeconds - 1);
      expectThat(accept(service, nonce).renewalDue, 'a nonce must be due for renewal before it expires');
    },

    'recognises a nonce of an instance whose clock is 5 seconds ahead or behind': async () => {
      const [clock, behind] = [new CheckClock(), new CheckClock()];
      behind.advance(-5);
      const [one, other] = [await create(clock.read), await create(behind.read)];
      accept(other, one.issue(EPOCH));
      accept(one, other.issue(EPOCH));
    },

    'recognises nothing that it has not issued, and throws no error': async () => {
      const service = await create(new CheckClock().read);
      const nonce = service.issue(EPOCH);
      for (const forged of forgeriesOf(nonce)) refuse(service, forged, 'forged or malformed');
      accept(service, nonce);
    },

    ...(createForeign && {
      'does not recognise a nonce of another service': async () => {
        const clock = new CheckClock();
        const [service, foreign] = [await create(clock.read), await createForeign(clock.read)];
        refuse(service, foreign.issue(EPOCH), 'of another service');
        refuse(foreign, service.issue(EPOCH), 'of another service');
      },
    }),
  };
  return Object.entries(laws).map(([name, run]) => ({ name, run }));
}

/** The nonce with each of its characters changed, and what is no nonce at all. */
function forgeriesOf(nonce: string): readonly string[] {
  const changed = Array.from(nonce, (character, at) => {
    const other = character === 'A' ? 'B' : 'A';
    return nonce.slice(0, at) + other + nonce.slice(at + 1);
  });
  const lengthened = [`${nonce}A`, `${nonce} `, ` ${nonce}`, `${nonce}=`, `${nonce}\n`, nonce + nonce];
  return [
    ...changed,
    ...lengthened,
    nonce.slice(0, -1),
    nonce.slice(1),
    '',
    'null',
    '\u0000',
    '\u{1f511}',
    '\ud800',
    'A'.repeat(100_000),
  ];
}

function accept(service: NonceService, nonce: string): AcceptedNonce {
  const accepted = service.check(nonce);
  if (accepted === undefined) throw new Error('a nonce that is valid was not recognised');
  return accepted;
}

/** The nonce itself is not shown: the log of a test may be public. */
function refuse(service: NonceService, nonce: string, what: string): void {
  expectThat(service.check(nonce) === undefined, `a nonce that is ${what} was recognised`);
}
