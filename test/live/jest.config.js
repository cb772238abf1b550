import config from '../../jest.config.js';

/** The tests against real authorization servers, which `npm test` leaves alone. */
export default {
  ...config,
  rootDir: '../..',
  roots: ['<rootDir>/test/live'],
  testRegex: '\\.live-spec\\.ts$',
  maxWorkers: 1,
};
