import type { DpopModuleOptions } from 'nestjs-dpop';

/** The origin that clients sign in these tests, although requests go to loopback. */
export const ORIGIN = 'https://api.example.com';

/** Options that any app in these tests may start with. */
export type TestOptions = Partial<DpopModuleOptions> & Pick<DpopModuleOptions, 'accessToken'>;

export function withOrigin(options: TestOptions): DpopModuleOptions {
  return { origin: ORIGIN, ...options };
}
