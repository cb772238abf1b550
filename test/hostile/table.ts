import type { Row } from './row.js';
import { sectionA } from './section-a.js';
import { sectionB } from './section-b.js';
import { sectionCClaims } from './section-c-claims.js';
import { sectionCKeys } from './section-c-keys.js';
import { sectionCProof } from './section-c-proof.js';
import { sectionD } from './section-d.js';
import { sectionE } from './section-e.js';
import { sectionF } from './section-f.js';

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
