const DATABASE = 'bank';
const STORE = 'keys';

/** The pair of this browser: made once, kept in IndexedDB, and not extractable. A reload finds the same one. */
export async function loadKeys() {
  const database = await open();
  const found = await settle(database.transaction(STORE).objectStore(STORE).get('dpop'));
  if (found !== undefined) return found;
  const keys = await createKeys();
  const store = database.transaction(STORE, 'readwrite').objectStore(STORE);
  // Another tab may have made one in between. The first pair stays.
  await settle(store.add(keys, 'dpop')).catch(() => undefined);
  return await settle(database.transaction(STORE).objectStore(STORE).get('dpop'));
}

/** No script can read the private key, also none that an attacker gets into the page. */
export async function createKeys() {
  return await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
}

/** What a script hears that tries to take the key. */
export async function tryToExport({ privateKey }) {
  try {
    await crypto.subtle.exportKey('pkcs8', privateKey);
    return 'The key was exported.';
  } catch (error) {
    return `${error.name}: the key is not extractable.`;
  }
}

async function open() {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE));
  return await settle(request);
}

function settle(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}
