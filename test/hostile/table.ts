import type { Row } from './row.js';
import { sectionA } from './section-a.js';
import { sectionB } from './section-b.js';
import { sectionCProof } from './section-c-proof.js';

/** Every hostile request, by section of the requirements. */
export const TABLE: readonly Row[] = [...sectionA, ...sectionB, ...sectionCProof];
