import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { type ContainerModule, configOf, registrationsIn } from '../module/container.js';
import { findScopedDependency } from '../module/provider-scope.js';
import { DenyList } from '../revocation/deny-list.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { RECEIVER_CONFIG, type ReceiverConfig } from './receiver-config.js';
import { RECEIVER_PATH } from './receiver-path.js';

type DpopConfig = NonNullable<ReturnType<typeof configOf>>;

/**
 * Finds receivers whose events would have no effect. It injects only what Nest provides, so that Nest creates it even if the
 * options depend on a request.
 */
@Injectable()
export class SecurityEventsStartCheck {
  /** @throws TypeError for options that depend on a scoped provider, and for two receivers of one path */
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {
    const receivers = this.#receivers();
    for (const module of receivers) assertNotScoped(module);
    // Express tells no case apart.
    const paths = receivers.map(({ providers }) => pathIn(providers.get(RECEIVER_PATH)?.instance));
    const repeated = paths.find((path, at) => path !== '' && paths.indexOf(path) !== at);
    if (repeated === undefined) return;
    throw new TypeError(
      `SecurityEventsModule is registered twice with the path "${repeated}", and only one of both would get events: give each a path of its own, or list all transmitters in one`,
    );
  }

  /** Warns of a deny-list that no `DpopModule` asks, and of issuers whose tokens none accepts, as far as options tell. */
  warnOfNoEffect(warn: (text: string) => void): void {
    const registrations = registrationsIn(this.modules);
    if (registrations.length === 0) {
      warn(
        'Security events are received in an app without DpopModule: they take effect only where another service has a DpopModule whose option revocation is the same list, such as a RedisDenyList with the same keyPrefix',
      );
      return;
    }
    const configs = registrations.map(configOf).filter((config) => config !== undefined);
    const receivers = this.#receivers()
      .map(({ providers }) => providers.get(RECEIVER_CONFIG)?.instance as ReceiverConfig | undefined)
      .filter((config) => config !== undefined);
    warnOfUnaskedDenyLists(configs, receivers, warn);
    warnOfUnknownIssuers(configs, receivers, warn);
  }

  #receivers(): readonly ContainerModule[] {
    return [...this.modules.values()].filter(({ providers }) => providers.has(RECEIVER_CONFIG));
  }
}

function assertNotScoped(module: ContainerModule): void {
  const options = module.providers.get(MODULE_OPTIONS_TOKEN);
  const found = options && findScopedDependency(options, module, ['SecurityEventsModule']);
  if (found === undefined) return;
  throw new TypeError(
    `The options of SecurityEventsModule must be one for the whole app, but they depend on a ${found.scope} provider: ${found.path.join(' → ')}. ` +
      'Each request would fetch the keys of the transmitters. Inject singletons only, such as ConfigService',
  );
}

function pathIn(value: unknown): string {
  return String(value).replace(/^\//, '').toLowerCase();
}

/** A checker of the app may ask the deny-list. */
function warnOfUnaskedDenyLists(
  configs: readonly DpopConfig[],
  receivers: readonly ReceiverConfig[],
  warn: (text: string) => void,
): void {
  const checkers = configs.map(({ revocation }) => revocation);
  const isCustom = checkers.some((checker) => checker !== undefined && !(checker instanceof DenyList));
  if (isCustom || receivers.every(({ denyList }) => checkers.includes(denyList))) return;
  warn(
    'Security events are entered in a deny-list that DpopModule does not ask, so that they revoke nothing: pass the same object as revocation of DpopModule and as denyList of SecurityEventsModule',
  );
}

function warnOfUnknownIssuers(
  configs: readonly DpopConfig[],
  receivers: readonly ReceiverConfig[],
  warn: (text: string) => void,
): void {
  // A verifier may take tokens of any issuer.
  if (configs.some(({ fallbackVerifier }) => fallbackVerifier !== undefined)) return;
  // An issuer that is found at run time has the form of a URL, too.
  const isResolved = configs.some(({ resolution }) => resolution !== undefined);
  const accepted = configs.flatMap(({ issuers, issuerVerifiers }) =>
    [...issuers, ...issuerVerifiers].map(({ issuer }) => issuer),
  );
  for (const { issuer, subjectIssuers = [issuer] } of receivers.flatMap(({ transmitters }) => transmitters)) {
    const unknown = subjectIssuers.filter(
      (name) => !accepted.includes(name) && !(isResolved && URL.canParse(name)),
    );
    if (unknown.length === 0) continue;
    const option = `subjectIssuers of the transmitter ${issuer}`;
    warn(
      `DpopModule accepts no access tokens of ${unknown.join(' and ')}, so that events about them revoke nothing: set ${option} to the issuers in accessToken, each exactly as in iss${accepted.length === 0 ? '' : `: ${accepted.join(', ')}`}`,
    );
  }
}
