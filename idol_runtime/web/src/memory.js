// What outlives a reload of the page in this tab: where the conversation stands, for as long as the server keeps it.

const KEY = 'idol.stage:';

export class Memory {
  /** `storage`: sessionStorage or null; `url`: of the session's server and character; `nowMs()`. */
  constructor(storage, url, nowMs = Date.now) {
    this.storage = storage;
    this.key = KEY + url;
    this.nowMs = nowMs;
  }

  /** Keeps `state` for `validS` seconds. */
  keep(state, validS) {
    try {
      this.storage?.setItem(this.key, JSON.stringify({ untilMs: this.nowMs() + validS * 1000, state }));
    } catch {
      // Storage that is full or forbidden: a reload begins anew.
    }
  }

  /** What was kept, once, if it is still good; else null. */
  take() {
    try {
      const kept = JSON.parse(this.storage?.getItem(this.key) ?? 'null');
      this.storage?.removeItem(this.key);
      return kept && kept.untilMs > this.nowMs() ? kept.state : null;
    } catch {
      return null;
    }
  }

  forget() {
    try {
      this.storage?.removeItem(this.key);
    } catch {
      // As above.
    }
  }
}

/** The page's storage of a kind, or null where the browser forbids it. */
export function storageOf(kind) {
  try {
    return window[kind];
  } catch {
    return null;
  }
}

const USER_KEY = 'idol.user';

/** Who uses this browser, for the character to remember: an id drawn once, and nothing else. */
export function userOf(storage) {
  const drawn = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  try {
    const kept = storage?.getItem(USER_KEY);
    if (kept) return encodeURIComponent(kept);
    storage?.setItem(USER_KEY, drawn);
  } catch {
    // Storage that is full or forbidden: somebody new after each reload.
  }
  return drawn;
}
