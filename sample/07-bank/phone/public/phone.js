const at = (id) => document.getElementById(id);
const SECOND_MS = 1000;

let shown = { code: '', endsAtMs: 0 };

/** Writes only what changed, so that nothing flickers and a screen reader says each code once. */
function write(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

async function fetchCode() {
  const { code, remainingMs } = await (await fetch('/phone/code')).json();
  shown = { code, endsAtMs: Date.now() + remainingMs };
}

async function show() {
  try {
    if (shown.endsAtMs <= Date.now()) await fetchCode();
    write('first-digits', shown.code.slice(0, 3));
    write('last-digits', shown.code.slice(3));
    write('remaining', `A new code in ${Math.ceil((shown.endsAtMs - Date.now()) / SECOND_MS)} s`);
  } catch {
    write('remaining', 'No connection. Is the demo still running?');
  }
}

await show();
setInterval(show, SECOND_MS);
// A browser slows down the timers of a tab that it does not show.
document.addEventListener('visibilitychange', show);
