import { expect, test } from '@jest/globals';
import { clientNetworkOf } from './client-network.js';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::6', '2001:db8:1:2::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
])('%s belongs to %s', (address, network) => {
  expect(clientNetworkOf(address)).toBe(network);
});

test.each([undefined, null, '', 'localhost', '192.0.2', '2001:db8', 'a'.repeat(1000), ['192.0.2.1'], 7])(
  '%j is no address',
  (value) => {
    expect(clientNetworkOf(value)).toBeUndefined();
  },
);
