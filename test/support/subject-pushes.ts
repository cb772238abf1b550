import { expect } from '@jest/globals';
import { MemoryDenyList, type RevocationEntry } from 'nestjs-dpop';
import type { SubjectResolver, TransmitterOptions } from 'nestjs-dpop/security-events';
import type { Platform } from './platforms.js';
import { type EventScene, RECEIVER, SESSION_REVOKED } from './security-events.js';

export interface SubjectPush extends Partial<Omit<TransmitterOptions, 'resolveSubject'>> {
  readonly resolveSubject?: unknown;
  readonly type?: string;
  readonly claims?: object;
}

export interface PushedSubject {
  readonly status: number;
  /** Whether a token of alice is refused behind the event. */
  readonly isRefused: boolean;
  readonly entries: readonly RevocationEntry[];
  /** In the log, but for debugging. */
  readonly lines: readonly string[];
}

/** Pushes one event about a subject to an app of its own. Nothing of alice may be in the log. */
export async function pushSubject(
  scene: EventScene,
  platform: Platform,
  sub_id: unknown,
  { type = SESSION_REVOKED, claims = {}, resolveSubject, ...more }: SubjectPush = {},
): Promise<PushedSubject> {
  const entries: RevocationEntry[] = [];
  class Recording extends MemoryDenyList {
    override async revoke(entry: RevocationEntry): Promise<void> {
      await super.revoke(entry);
      entries.push(entry);
    }
  }
  const transmitter = { issuer: scene.issuer.issuer, audience: RECEIVER, keys: scene.keys, ...more };
  const resolving = resolveSubject !== undefined && { resolveSubject: resolveSubject as SubjectResolver };
  const app = await scene.start(platform, {
    denyList: new Recording({ maxTokenLifetimeSeconds: 3600 }),
    events: { transmitters: [{ ...transmitter, ...resolving }] },
  });
  const token = await scene.issue();
  scene.logger.lines.length = 0;
  const set = await scene.sign({ claims: { sub_id, events: { [type]: {} }, ...claims } });
  const { status } = await scene.push(app, set);
  const lines = scene.logger.lines.filter((line) => !line.startsWith('debug'));
  expect(lines.join()).not.toContain('alice');
  return { status, isRefused: (await scene.statusOf(app, token)) === 401, entries, lines };
}
