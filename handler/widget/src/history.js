/** The page's history as one element uses it: to say what it shows, and to come back to that. */

import { NOTHING, readAddress, readPhoto, writeAddress } from "./address.js";

export class History {
  #used;
  /** Whether the page's address is one to come back to; while somebody types it is not. */
  #settled = true;

  /** @param {() => boolean} used Whether the page's address may be used now. */
  constructor(used) {
    this.#used = used;
  }

  /** @returns {import("./address.js").Wanted | undefined} What the address asks for; nothing where it isn't used. */
  get wanted() {
    return this.#used() ? readAddress(location.href) : undefined;
  }

  /** @returns {boolean} Whether the address asks for this, or isn't used. */
  asksFor(wanted) {
    const { href } = location;
    return !this.#used() || writeAddress(href, readAddress(href)) === writeAddress(href, wanted);
  }

  /** @returns {string} The id of the photo that was shared by this address, or ""; the next thing noted takes its place. */
  takePhoto() {
    const photo = this.#used() ? readPhoto(location.href) : "";
    if (photo) this.#settled = false;
    return photo;
  }

  /** The next thing that is noted gets an entry of its own. */
  settle() {
    this.#settled = true;
  }

  /** Note what is wanted: in a new entry if the last one is settled. */
  note(wanted, settled) {
    if (!this.#used()) return;
    const address = writeAddress(location.href, wanted);
    if (address !== location.href) history[this.#settled ? "pushState" : "replaceState"](history.state, "", address);
    this.#settled = settled;
  }

  /** Where a photo can be shown again. */
  addressOf({ id, url }) {
    return this.#used() ? writeAddress(location.href, NOTHING, id) : (url ?? location.href);
  }
}
