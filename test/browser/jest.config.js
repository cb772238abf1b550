import config from '../../jest.config.js';

/** The tests in a real browser, which `npm test` leaves alone. */
export default {
  ...config,
  rootDir: '../..',
  roots: ['<rootDir>/test/browser'],
  testRegex: '\\.browser-spec\\.ts$',
  maxWorkers: 1,
};
