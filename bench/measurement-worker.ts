import { MEASUREMENTS } from './measurements/index.js';

const name = process.argv[2];
const measurement = MEASUREMENTS.find((candidate) => candidate.name === name);
if (measurement === undefined) throw new Error(`there is no measurement ${name ?? ''}`);
const rows = await measurement.run();
process.send?.(rows, () => process.disconnect());
