import type { Row } from './row.js';
import { sectionA } from './credentials.js';
import { sectionB } from './access-tokens.js';
import { sectionCClaims } from './proof-claims.js';
import { sectionCKeys } from './degenerate-keys.js';
import { sectionCProof } from './proof-keys.js';
import { sectionD } from './challenges.js';
import { sectionE } from './nonces.js';
import { sectionF } from './replays.js';

/** Every hostile request, by section of the requirements. */
export const TABLE: readonly Row[] = [
  ...sectionA,
  ...sectionB,
  ...sectionCProof,
  ...sectionCKeys,
  ...sectionCClaims,
  ...sectionD,
  ...sectionE,
  ...sectionF,
];
