import { type PlayedScene, playScene } from '../../story/scene.js';
import { API_SECRET, LEGACY_SECRET, REPORTS_SECRET } from '../authorization-server/registered.js';
import type { Stage } from '../stage.js';
import { MobileApp } from './mobile-app.js';
import { type Cast, SCENES } from './scenes.js';
import { ServiceClient } from './service-client.js';
import { Thief } from './thief.js';
import { type Exchange, Wire } from './wire.js';

/** Creates the clients and the thief. */
export async function gatherCast({ api, issuer, rotateKeys }: Stage): Promise<Cast> {
  const wire = new Wire();
  const thief = await Thief.create(wire, issuer);
  await thief.fetchNonce();
  const cast = {
    api,
    wire,
    mobile: await MobileApp.create(issuer, api, wire),
    reports: await ServiceClient.create(issuer, ['reports', REPORTS_SECRET], wire),
    legacy: await ServiceClient.create(issuer, ['legacy', LEGACY_SECRET], wire, false),
    apiClient: await ServiceClient.create(issuer, ['api', API_SECRET], wire),
    thief,
    rotateKeys,
    tokens: { accessToken: '', refreshToken: '' },
  };
  wire.takeExchanges();
  return cast;
}

/** Plays the scenes in order. */
export async function* playStory(cast: Cast): AsyncGenerator<PlayedScene<Exchange>, void, void> {
  for (const scene of SCENES) yield await playScene(scene, cast);
}
