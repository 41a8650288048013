/** The page's history as one element uses it: to say what it shows, and to come back to that. */

import { NOTHING, readAddress, readPhoto, writeAddress } from "./address.js";

export class History {
  #nameOf;
  /** Whether the page's address is one to come back to; while somebody types it is not. */
  settled = true;
  /** What the address asked for when it was last read or written. */
  #known = JSON.stringify(NOTHING);

  /** @param {() => string | undefined} nameOf By which name the element has its place in the address now; none if undefined. */
  constructor(nameOf) {
    this.#nameOf = nameOf;
  }

  /** @returns {import("./address.js").Wanted | undefined} What the address asks for, where that is something else than before. */
  takeNews() {
    const known = this.#known;
    if (!this.#used) return undefined;
    const wanted = readAddress(location.href, this.#nameOf());
    this.#known = JSON.stringify(wanted);
    return this.#known === known ? undefined : wanted;
  }

  /** @returns {string} The id of the photo that was shared by this address, or ""; the next thing noted takes its place. */
  takePhoto() {
    const photo = this.#used ? readPhoto(location.href, this.#nameOf()) : "";
    if (photo) this.settled = false;
    return photo;
  }

  /** Note what is wanted: in a new entry if the last one is settled. */
  note(wanted, settled) {
    if (!this.#used) return;
    const { href } = location;
    const address = writeAddress(href, wanted, this.#nameOf());
    try {
      if (address !== href) history[this.settled ? "pushState" : "replaceState"](stateAt(address, href), "", address);
    } catch {
      // In some frames never, and in Safari not a hundred times in a row: then the address stays behind.
    }
    this.settled = settled;
    this.takeNews();
  }

  /** Where a photo can be shown again. */
  addressOf({ id, url }) {
    return this.#used ? writeAddress(location.href, NOTHING, this.#nameOf(), id) : (url ?? location.href);
  }

  /** Whether the address may be used now: not that of a frame without one. */
  get #used() {
    return this.#nameOf() !== undefined && /^(http|file)/.test(location.protocol);
  }
}

/**
 * The state of the present entry as it is at another address. The page's router may keep there where it is (`current` of Vue
 * Router's, `url` and `as` of that of Next.js), and would lead back to an address without what is asked for.
 */
function stateAt(address, href) {
  let { state } = history;
  for (const [key, value] of Object.entries(state ?? {})) {
    const start = value?.[0] === "/" && href.endsWith(value) && href.slice(0, -value.length);
    if (address.startsWith(start)) state = { ...state, [key]: address.slice(start.length) };
  }
  return state;
}
