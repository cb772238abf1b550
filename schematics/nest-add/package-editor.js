'use strict';

const PRESET = 'nestjs-dpop';

/**
 * Adds the peers to package.json, and the preset to its section `jest`.
 *
 * @param {string} text
 * @returns {{ text: string, added: readonly string[], jest: string }} `added` are packages to install
 */
function editPackage(text) {
  const manifest = JSON.parse(text);
  const { dependencies = {}, devDependencies = {} } = manifest;
  const known = { ...devDependencies, ...dependencies };
  const peers = {
    '@nestjs/passport': `^${majorOf(known['@nestjs/core'] ?? known['@nestjs/common'])}.0.0`,
    passport: '^0.7.0',
  };
  const added = Object.keys(peers).filter((name) => !(name in known));
  const changed = { ...manifest };
  if (added.length > 0) {
    const all = { ...dependencies, ...Object.fromEntries(added.map((name) => [name, peers[name]])) };
    changed.dependencies = Object.fromEntries(
      Object.entries(all).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    );
  }
  // A Nest 12 app is an ES module and runs Vitest.
  const needsPreset = manifest.type !== 'module' && manifest.jest !== undefined;
  const jest = needsPreset ? addPreset(manifest.jest) : undefined;
  if (jest?.outcome === 'added') changed.jest = jest.config;
  return { text: format(changed, text), added, jest: jest?.outcome ?? 'not used' };
}

/** @param {string} text of a file such as test/jest-e2e.json */
function editJestConfig(text) {
  const { config, outcome } = addPreset(JSON.parse(text));
  return { text: outcome === 'added' ? format(config, text) : text, outcome };
}

/** Jest takes one preset: an app with another one has to add the line itself. */
function addPreset(config) {
  const { preset, transformIgnorePatterns } = config;
  if (preset === PRESET || String(transformIgnorePatterns).includes('nestjs-dpop'))
    return { config, outcome: 'there' };
  if (preset !== undefined || transformIgnorePatterns !== undefined) return { config, outcome: 'unreadable' };
  return { config: { preset: PRESET, ...config }, outcome: 'added' };
}

/** 11 or 12; the newest if the range says nothing. */
function majorOf(range = '') {
  const [, major] = /(\d+)/.exec(range) ?? [];
  return major === '11' ? '11' : '12';
}

function format(value, former) {
  const [, indent = '  '] = /^\{\r?\n([ \t]+)/.exec(former) ?? [];
  return `${JSON.stringify(value, undefined, indent)}\n`;
}

module.exports = { editPackage, editJestConfig };
