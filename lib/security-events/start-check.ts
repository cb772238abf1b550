import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { configOf, registrationsIn } from '../module/container.js';
import { findScopedDependency } from '../module/provider-scope.js';
import { DenyList } from '../revocation/deny-list.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { RECEIVER_CONFIG, type ReceiverConfig } from './receiver-config.js';

/**
 * Finds receivers whose events would have no effect. It injects only what Nest provides, so that Nest creates it even if the
 * options depend on a request.
 */
@Injectable()
export class SecurityEventsStartCheck {
  /** @throws TypeError for options that depend on a scoped provider */
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {
    for (const module of modules.values()) {
      const isReceiver = module.providers.has(RECEIVER_CONFIG);
      const options = isReceiver ? module.providers.get(MODULE_OPTIONS_TOKEN) : undefined;
      const found = options && findScopedDependency(options, module, ['SecurityEventsModule']);
      if (found === undefined) continue;
      throw new TypeError(
        `The options of SecurityEventsModule must be one for the whole app, but they depend on a ${found.scope} provider: ${found.path.join(' → ')}. ` +
          'Each request would fetch the keys of the transmitters. Inject singletons only, such as ConfigService',
      );
    }
  }

  /** Warns of a deny-list that no `DpopModule` of the app asks. A checker of the app may ask it. */
  warnOfUnaskedDenyList(warn: (text: string) => void): void {
    const checkers = registrationsIn(this.modules).map((module) => configOf(module)?.revocation);
    const isCustom = checkers.some((checker) => checker !== undefined && !(checker instanceof DenyList));
    if (checkers.length === 0 || isCustom || this.#denyLists().every((list) => checkers.includes(list)))
      return;
    warn(
      'Security events are entered in a deny-list that DpopModule does not ask, so that they revoke nothing: pass the same object as revocation of DpopModule and as denyList of SecurityEventsModule',
    );
  }

  #denyLists(): readonly DenyList[] {
    return [...this.modules.values()]
      .map(({ providers }) => providers.get(RECEIVER_CONFIG)?.instance as ReceiverConfig | undefined)
      .filter((config) => config !== undefined)
      .map(({ denyList }) => denyList);
  }
}
