import type { Command } from './command.js';
import { curlCommand } from './curl.command.js';
import { doctorCommand } from './doctor.command.js';
import { explainCommand } from './explain.command.js';
import { issuerCommand } from './issuer.command.js';
import { keyCommand } from './key.command.js';
import { proofCommand } from './proof.command.js';

/** All commands, in the order of the help text. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['key', keyCommand],
  ['proof', proofCommand],
  ['curl', curlCommand],
  ['explain', explainCommand],
  ['issuer', issuerCommand],
  ['doctor', doctorCommand],
]);
