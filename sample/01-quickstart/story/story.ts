import { type PlayedScene, playScene } from '../../story/scene.js';
import { REGISTERED_CLIENT } from '../authorization-server/registered-client.js';
import { QuickstartClient } from '../client/quickstart-client.js';
import type { Stage } from '../stage.js';
import { type Cast, SCENES } from './scenes.js';
import { Thief } from './thief.js';
import { type Exchange, Wire } from './wire.js';

/** Creates the client, the thief and the tokens. */
export async function gatherCast({ api, issuer }: Pick<Stage, 'api' | 'issuer'>): Promise<Cast> {
  const wire = new Wire(api);
  const client = await QuickstartClient.create({
    issuer,
    api,
    credentials: REGISTERED_CLIENT,
    fetch: wire.fetchAsClient,
  });
  return {
    api,
    wire,
    client,
    thief: await Thief.create(wire, api),
    token: await client.fetchToken(),
    tokenWithScope: await client.fetchToken('statements:read'),
  };
}

/** Plays the scenes in order. */
export async function* playStory(cast: Cast): AsyncGenerator<PlayedScene<Exchange>, void, void> {
  for (const scene of SCENES) yield await playScene(scene, cast);
}
