import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';

export interface BenchProofOptions {
  readonly htu: string;
  readonly token: string;
  readonly ageSeconds?: number;
}

/** Like `TestClient`, but synchronous and faster, because a benchmark signs some hundred thousand proofs. */
export class BenchClient {
  readonly jkt: string;
  readonly publicKey: KeyObject;
  readonly #privateKey: KeyObject;
  readonly #header: string;

  constructor() {
    const pair = createECDH('prime256v1');
    const point = pair.generateKeys();
    const d = pair.getPrivateKey();
    const x = point.subarray(1, 33).toString('base64url');
    const y = point.subarray(33).toString('base64url');
    const jwk = { crv: 'P-256', kty: 'EC', x, y };
    const padded = Buffer.concat([Buffer.alloc(32 - d.length), d]).toString('base64url');
    this.#privateKey = createPrivateKey({ key: { ...jwk, d: padded }, format: 'jwk' });
    this.publicKey = createPublicKey(this.#privateKey);
    this.jkt = hash('sha256', JSON.stringify(jwk), 'base64url');
    this.#header = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk });
  }

  createProof({ htu, token, ageSeconds = 0 }: BenchProofOptions): string {
    const payload = encode({
      jti: randomUUID(),
      htm: 'GET',
      htu,
      iat: Math.floor(Date.now() / 1000) - ageSeconds,
      ath: hash('sha256', token, 'base64url'),
    });
    const input = `${this.#header}.${payload}`;
    const key = { key: this.#privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
