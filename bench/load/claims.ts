import { randomBytes } from 'node:crypto';
import type { ReplayClaim } from 'nestjs-dpop';

const LIFETIME_SECONDS = 90;
/** A proof is fresh for a minute. Of all live proofs, equally many expire in each second of the next minute. */
const SPREAD_SECONDS = 60;
const ID_BYTES = 32;

/** Claims of different proofs that are live at the same time. */
export function createClaims(
  count: number,
  nowSeconds: number,
  jkts: readonly string[],
): readonly ReplayClaim[] {
  const ids = randomBytes(count * ID_BYTES);
  return Array.from({ length: count }, (_, i) => ({
    id: ids.toString('base64url', i * ID_BYTES, (i + 1) * ID_BYTES),
    jkt: jkts[i % jkts.length] ?? '',
    nowSeconds,
    proofTimeSeconds: Math.ceil(nowSeconds) - SPREAD_SECONDS + 1 + (i % SPREAD_SECONDS),
    freshUntilSeconds: Math.ceil(nowSeconds) + 1 + (i % SPREAD_SECONDS),
    lifetimeSeconds: LIFETIME_SECONDS,
    epoch: undefined,
  }));
}

export function createThumbprints(count: number): readonly string[] {
  return Array.from({ length: count }, () => randomBytes(32).toString('base64url'));
}
