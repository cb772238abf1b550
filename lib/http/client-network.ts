import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;
/** The groups that name a network: 64 bits, which a provider gives to one customer. */
const NETWORK_GROUPS = 4;

/**
 * The network that an address belongs to: an IPv4 address stands for itself, an IPv6 address for its `/64`, since one client
 * may use any address of it. An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address. `undefined` for
 * anything else.
 */
export function clientNetworkOf(address: unknown): string | undefined {
  if (typeof address !== 'string') return undefined;
  // A zone, as in `fe80::1%eth0`, names an interface of this machine.
  const [plain = ''] = address.split('%');
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return undefined;
  const mapped = /^::ffff:([\d.]+)$/i.exec(plain)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  const [head = [], tail] = plain.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...head];
  if (tail !== undefined) {
    // An IPv4 address at the end stands for two groups.
    const width = tail.length + (tail.at(-1)?.includes('.') === true ? 1 : 0);
    groups.push(...Array<string>(GROUPS - head.length - width).fill('0'), ...tail);
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
