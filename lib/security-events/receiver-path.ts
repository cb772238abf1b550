import { RequestMethod, type Type } from '@nestjs/common';
import { MODULE_PATH } from '@nestjs/common/constants.js';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { fail } from '../errors/option-asserts.js';

/** The injection token of the path of a receiver. */
export const RECEIVER_PATH = Symbol('SECURITY_EVENTS_PATH');

const FORM =
  'a path of fixed segments of letters, digits, "-", "_", "." and "~", such as "security-events", without "." and ".." as segments, and without query, fragment, escapes and a slash at the end';

/**
 * A path of fixed segments. Nest would read anything else as a pattern, and a client resolves dot segments before it sends
 * them.
 *
 * @throws TypeError that names the option and the accepted form
 */
export function parsePath(path: unknown): string {
  if (typeof path === 'string' && path.replace(/^\//, '').split('/').every(isSegment)) return path;
  return fail('path', FORM, { value: path });
}

function isSegment(segment: string): boolean {
  return /^(?!\.\.?$)[\w.~-]+$/.test(segment);
}

/** The path under which Nest serves the route: behind the global prefix, and that of `RouterModule`. */
export function servedPath(
  path: string,
  module: Type,
  application: ApplicationConfig,
  { applicationId }: Pick<ModulesContainer, 'applicationId'>,
): string {
  const modulePath: unknown =
    Reflect.getMetadata(MODULE_PATH + applicationId, module) ?? Reflect.getMetadata(MODULE_PATH, module);
  const own = joinPaths(typeof modulePath === 'string' ? modulePath : '', path);
  const isExcluded = application
    .getGlobalPrefixOptions()
    .exclude?.some(
      ({ pathRegex, requestMethod }) =>
        (requestMethod === RequestMethod.ALL || requestMethod === RequestMethod.POST) && pathRegex.test(own),
    );
  return isExcluded === true ? own : joinPaths(application.getGlobalPrefix(), own);
}

function joinPaths(...paths: readonly string[]): string {
  const segments = paths.flatMap((path) => path.split('/')).filter((segment) => segment !== '');
  return `/${segments.join('/')}`;
}
