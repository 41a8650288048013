/**
 * Browsing: all photos by date, month by month, each a square. How many there are of a month says how high it is: so all
 * of a collection is laid out before a photo of it is there, and the page holds no more than what is near the window.
 */

import { make } from "./dom.js";
import { thumbnail } from "./pictures.js";
import { watcher } from "./sight.js";
import { picture, Walk } from "./tiles.js";

// Photos that come and go together: whole rows of 3, 4, 5, 6, 10 and 12 (styles.css).
const BLOCK = 60;
// Photos whose blocks come and go together, for a page of thousands of blocks takes longer than a frame to scroll.
const SHELF = 20 * BLOCK;
// Photos of one answer, and how many answers are kept.
const ANSWER = 100;
const ANSWERS_KEPT = 20;
// Whoever scrolls past doesn't want what flies by.
const FLYING_MS = 60;
// So many photos are put in at once, when the browser has time to spare, or else after so long.
const AT_ONCE = 6;
const SPARE = { timeout: 1_000 };

export class Browse {
  #say;
  #onError;
  #walk;
  #load;
  #observer;
  /** Answers by their numbers, the one that was asked for last at the end. */
  #pages = new Map();
  /** Of each shelf, in order, and of each block the place of its first photo, how many it has, and what it is called. */
  #shelves = new Map();
  #blocks = new WeakMap();
  #near = new Set();
  /** The block to which the focus goes, however far it is. */
  #sought;
  /** How many photos there are. */
  count = 0;

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {(index: number) => void} onOpen What to do with a photo that is chosen.
   * @param {(error: Error) => void} onError Told why photos can't be had.
   */
  constructor(say, onOpen, onError) {
    this.#say = say;
    this.#onError = onError;
    const keydown = (event) => this.#leap(event);
    this.element = make("div.browse", { "aria-description": say("keys"), keydown });
    this.#walk = new Walk(this.element, ({ ariaPosInSet }) => onOpen(ariaPosInSet - 1));
  }

  /**
   * Lay out all photos.
   * @param {{months: {month: string, count: number}[], undated: number}} counts In the order in which they are shown.
   * @param {(offset: number, count: number) => Promise<object[]>} load Gets photos of that order.
   */
  show({ months, undated }, load) {
    this.clear();
    this.#load = load;
    this.#observer = watcher((entry) => this.#notice(entry));
    const dated = months.map(({ month, count }) => [this.#say("{date}", { date: month }), count]);
    for (const [name, count] of [...dated, [this.#say("undated"), undated]]) this.#layOut(name, count);
  }

  /** Show nothing. */
  clear() {
    this.#observer?.disconnect();
    this.#pages.clear();
    this.#shelves.clear();
    this.#near.clear();
    this.count = 0;
    this.element.replaceChildren();
  }

  /** @returns {Promise<object>} The photo of a place in the whole. */
  async at(index) {
    const [photo] = await this.#range(index, 1);
    return photo;
  }

  /** Move the focus to a photo, wherever it is. */
  async focus(index = 0) {
    const [shelf, { start }] = [...this.#shelves].filter(([, { start }]) => start <= index).at(-1);
    this.#furnish(shelf);
    const block = shelf.children[Math.floor((index - start) / BLOCK)];
    const place = (index - start) % BLOCK;
    this.#sought = block;
    await this.#add(block, place + 1 - block.children.length);
    block.children[place]?.firstChild.focus();
  }

  #layOut(name, total) {
    if (total) this.element.append(make("h2", {}, name));
    for (let done = 0; done < total; done += SHELF) {
      const size = Math.min(SHELF, total - done);
      const shelf = make("div", { "--count": size });
      this.#shelves.set(shelf, { start: this.count, size, name });
      this.#observer.observe(shelf);
      this.element.append(shelf);
      this.count += size;
    }
  }

  /** Put its blocks into a shelf, each as empty as the shelf was. */
  #furnish(shelf) {
    const { start, size: total, name } = this.#shelves.get(shelf);
    for (let done = shelf.children.length * BLOCK; done < total; done += BLOCK) {
      const size = Math.min(BLOCK, total - done);
      const block = make("ol", { role: "list", "aria-label": name, "aria-hidden": "true", "--count": size });
      this.#blocks.set(block, { start: start + done, size });
      this.#observer.observe(block);
      shelf.append(block);
    }
  }

  /** A shelf or a block came near, or went; one with the focus in it stays. */
  async #notice({ target, isIntersecting }) {
    if (isIntersecting && this.#shelves.has(target)) this.#furnish(target);
    else if (isIntersecting) {
      this.#near.add(target);
      await new Promise((resolve) => setTimeout(resolve, FLYING_MS));
      if (this.#near.has(target)) this.#fill(target);
    } else if (!target.matches(":focus-within")) {
      this.#near.delete(target);
      target.replaceChildren();
      if (this.#blocks.has(target)) target.ariaHidden = "true";
    }
  }

  /** Fill a block piece by piece, so that the page scrolls evenly meanwhile. */
  async #fill(block) {
    while (await this.#add(block, AT_ONCE)) {
      await new Promise((resolve) => (globalThis.requestIdleCallback ?? setTimeout)(resolve, SPARE));
    }
  }

  /** Add so many photos to those that a block has; returns whether it wants more of them. */
  async #add(block, count) {
    const { start, size } = this.#blocks.get(block);
    try {
      const photos = await this.#range(start, size);
      if (!this.#near.has(block) && block !== this.#sought) return false;
      const done = block.children.length;
      block.append(...photos.slice(done, done + count).map((photo, index) => this.#tile(photo, start + done + index)));
      block.ariaHidden = "false";
      if (!this.element.querySelector("[tabindex='0']")) this.#walk.reach(block.firstChild);
      return done + count < size;
    } catch (error) {
      if (block.isConnected) this.#onError(error);
      return false;
    }
  }

  #tile(photo, index) {
    const name = [photo.caption, ...(photo.taken ? [this.#say("{date}", { date: photo.taken })] : [])].join(this.#say("pause"));
    const position = { "aria-posinset": index + 1, "aria-setsize": this.count };
    // Neither watched by the browser nor faded in, for there are hundreds.
    const shown = thumbnail(photo, this.#say, { load: undefined });
    return make("li", { part: "photo", ...position }, picture(photo, name, { class: "open frame" }, shown));
  }

  /** So many photos from a place on, of the answers that have them. */
  async #range(start, size) {
    const first = Math.floor(start / ANSWER);
    const last = Math.floor((start + size - 1) / ANSWER);
    const pages = [];
    for (let number = first; number <= last; number++) pages.push(this.#page(number));
    const photos = (await Promise.all(pages)).flat();
    return photos.slice(start - first * ANSWER, start - first * ANSWER + size);
  }

  #page(number) {
    const page = this.#pages.get(number) ?? this.#load(number * ANSWER, ANSWER);
    page.catch(() => this.#pages.delete(number));
    this.#pages.delete(number);
    this.#pages.set(number, page);
    if (this.#pages.size > ANSWERS_KEPT) this.#pages.delete(this.#pages.keys().next().value);
    return page;
  }

  /** Home and End lead to the ends of all, though they may not be there yet. */
  #leap(event) {
    const ends = { Home: 0, End: this.count - 1 };
    if (!(event.key in ends)) return;
    event.preventDefault();
    this.focus(ends[event.key]);
  }
}
