/** A frequent reason why `htu` is refused on a machine of a developer. */
export const LOOPBACK_ORIGINS =
  'localhost, 127.0.0.1 and [::1] are different origins: call the one that the option origin of the service names';

export function isLoopback({ hostname }: URL): boolean {
  return /^(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
