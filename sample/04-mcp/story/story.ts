import { REGISTERED_CLIENT } from '../../01-quickstart/authorization-server/registered-client.js';
import { Thief } from '../../01-quickstart/story/thief.js';
import type { Exchange } from '../../01-quickstart/story/wire.js';
import { type PlayedScene, playScene } from '../../story/scene.js';
import { Agent } from '../client/agent.js';
import type { Stage } from '../stage.js';
import { McpWire } from './mcp-wire.js';
import { type Cast, SCENES } from './scenes.js';

/** Creates the agents and the thief. */
export async function gatherCast({ server, issuer }: Pick<Stage, 'server' | 'issuer'>): Promise<Cast> {
  const wire = new McpWire(server);
  const options = { server, issuer, credentials: REGISTERED_CLIENT };
  return {
    server,
    wire,
    agent: await Agent.create({ ...options, fetch: wire.fetchAs('agent') }),
    neighbour: await Agent.create({ ...options, fetch: wire.fetchAs('other') }),
    thief: await Thief.create(wire, server),
  };
}

/** Plays the scenes in order. */
export async function* playStory(cast: Cast): AsyncGenerator<PlayedScene<Exchange>, void, void> {
  try {
    for (const scene of SCENES) yield await playScene(scene, cast);
  } finally {
    await Promise.all([cast.agent.close(), cast.neighbour.close()]);
  }
}
