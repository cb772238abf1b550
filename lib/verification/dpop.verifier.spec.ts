import { describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { createConfig } from '../config/dpop-config.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { ReplayStore } from '../storage/replay.store.js';
import { DpopVerifier } from './dpop.verifier.js';

class NoTokens extends AccessTokenVerifier {
  override verify(): never {
    throw new Error('no token is presented');
  }
}

/** A store in parts, one of which is that of no client. */
class PartedStore extends ReplayStore {
  override claim(): never {
    throw new Error('nothing is recorded');
  }

  override epochOf(jkt: string): string {
    return jkt === '' ? 'AAAAAAAB' : 'AAAAAAAC';
  }
}

describe('a verifier', () => {
  const accessTokens = new NoTokens();
  const rules = createConfig({ origin: 'https://api.example.com', accessToken: accessTokens });
  const nonces = new StatelessNonceService({
    secrets: new FixedNonceSecrets(),
    service: 'test',
    lifetimeSeconds: 120,
    clock: rules.clock,
  });
  const verifier = new DpopVerifier({ rules, accessTokens, nonces, replayStore: new PartedStore() });

  test('issues a nonce for a client that is not known yet (G6)', () => {
    expect(nonces.check(verifier.issueNonce())).toMatchObject({ epoch: 'AAAAAAAB' });
  });

  test('finds the examination that it began for an object, and no other (F1)', () => {
    const identity = {};
    expect(verifier.examinationOf(identity)).toBeUndefined();
    const request = { method: 'GET', target: '/', rawHeaders: [] };
    const examination = verifier.examineOnce(identity, () => request);
    expect(verifier.examinationOf(identity)).toBe(examination);
    expect(verifier.examinationOf({})).toBeUndefined();
  });
});
