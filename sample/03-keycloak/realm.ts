import { readFile } from 'node:fs/promises';
import type { RealmRepresentation } from './keycloak/keycloak-server.js';

/** The path is that of the project, where npm scripts run. */
const FILE = 'sample/03-keycloak/realm.json';

/** Reads the realm of the sample. */
export async function readRealm(): Promise<RealmRepresentation> {
  return JSON.parse(await readFile(FILE, 'utf8')) as RealmRepresentation;
}
