/** The token of each bank, and its end. It outlives a reload, and ends with the tab. */
export function readToken(bank) {
  const stored = sessionStorage.getItem(`token.${bank}`);
  return stored === null ? undefined : JSON.parse(stored);
}

export function keepToken(bank, value, lifetimeSeconds) {
  const endsAtMs = Date.now() + lifetimeSeconds * 1000;
  sessionStorage.setItem(`token.${bank}`, JSON.stringify({ value, endsAtMs }));
}

export function dropToken(bank) {
  sessionStorage.removeItem(`token.${bank}`);
}

/** Which bank the page shows: `dpop` or `bearer`. */
export function currentBank() {
  return sessionStorage.getItem('bank') ?? 'dpop';
}

export function chooseBank(bank) {
  sessionStorage.setItem('bank', bank);
}
