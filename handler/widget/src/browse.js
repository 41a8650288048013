/**
 * Browsing: all photos by date, month by month, each a square. How many there are of a month says how high it is: so all
 * of a collection is laid out before a photo of it is there, and the page holds no more than what is near the window.
 */

import { make } from "./dom.js";
import { nearest } from "./moves.js";
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
// Photos are put in when the browser has time to spare, and of that leave so much to it, or else after so long.
const SPARED_MS = 13;
const SPARE = { timeout: 500 };

export class Browse {
  #say;
  #onError;
  #walk;
  #load;
  #observer;
  /** Answers by their numbers, the one that was asked for last at the end. */
  #pages = new Map();
  /** Of each shelf and each block the place of its first photo, how many it has, and what they are called. */
  #kept = new WeakMap();
  /** The photos of the blocks that are near, as far as they are there. */
  #near = new Map();
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
    for (const [name, size] of [...dated, [this.#say("undated"), undated]]) {
      const shelves = this.#places({ start: this.count, size, name }, SHELF, "div");
      if (size) this.element.append(make("h2", {}, name), ...shelves);
      this.count += size;
    }
  }

  /** Show nothing. */
  clear() {
    this.#observer?.disconnect();
    this.#pages.clear();
    this.#near.clear();
    this.count = 0;
    this.element.replaceChildren();
  }

  /** @returns {Promise<object | undefined>} The photo of a place in the whole; undefined where it can't be had. */
  async at(index) {
    return (await this.#range({ start: index, size: 1 }))[0];
  }

  /** Move the focus to a photo, wherever it is. */
  async focus(index = 0) {
    const shelf = [...this.element.children].filter((part) => this.#kept.get(part)?.start <= index).at(-1);
    this.#furnish(shelf);
    const { start } = this.#kept.get(shelf);
    const block = shelf.children[Math.floor((index - start) / BLOCK)];
    const place = (index - start) % BLOCK;
    this.#put(block, await this.#range(this.#kept.get(block)), () => block.children[place]);
    block.children[place]?.firstChild.focus();
  }

  /** What keeps the places of photos, each of so many of them; `name` says which they are. */
  #places({ start, size, name }, most, kind, attributes) {
    const places = [];
    for (let done = 0; done < size; done += most) {
      const count = Math.min(most, size - done);
      const place = make(kind, { "--count": count, ...attributes });
      this.#kept.set(place, { start: start + done, size: count, name });
      this.#observer.observe(place);
      places.push(place);
    }
    return places;
  }

  /** Put its blocks into a shelf, each as empty as the shelf was. */
  #furnish(shelf) {
    const kept = this.#kept.get(shelf);
    if (!shelf.firstChild) shelf.append(...this.#places(kept, BLOCK, "ol", { role: "list", "aria-label": kept.name }));
  }

  /** A shelf or a block came near, or went; one with the focus in it stays. */
  async #notice({ target, isIntersecting }) {
    if (isIntersecting && !target.role) this.#furnish(target);
    else if (isIntersecting) {
      const photos = [];
      this.#near.set(target, photos);
      await pause(setTimeout, FLYING_MS);
      if (this.#near.has(target)) photos.push(...(await this.#range(this.#kept.get(target))));
      this.#fill();
    } else if (!target.matches(":focus-within")) {
      this.#near.delete(target);
      target.replaceChildren();
    }
  }

  /** Put in what is near, that nearest to the middle of the window first; piece by piece, so that the page scrolls evenly. */
  async #fill() {
    const spare = await pause(globalThis.requestIdleCallback ?? setTimeout, SPARE);
    const lacking = [...this.#near].filter(([block, photos]) => block.children.length < photos.length);
    const emptiest = nearest(lacking, ([block]) => {
      const { top, bottom } = block.getBoundingClientRect();
      return Math.abs(top + bottom - innerHeight);
    });
    if (!emptiest) return;
    this.#put(...emptiest, () => !(spare?.timeRemaining() > SPARED_MS));
    this.#fill();
  }

  /** Put photos after those that a block has, until it is enough. */
  #put(block, photos, enough) {
    const { start } = this.#kept.get(block);
    for (const photo of photos.slice(block.children.length)) {
      block.append(this.#tile(photo, start + block.children.length));
      if (enough()) break;
    }
    if (!this.element.querySelector("[tabindex='0']")) this.#walk.reach(block.firstChild);
  }

  #tile(photo, index) {
    const { caption, taken } = photo;
    const name = [caption, taken && this.#say("{date}", { date: taken })].filter(Boolean).join(this.#say("pause"));
    const position = { "aria-posinset": index + 1, "aria-setsize": this.count };
    // Neither watched by the browser nor faded in, for there are hundreds.
    const shown = thumbnail(photo, this.#say, { load: undefined });
    return make("li", { part: "photo", ...position }, picture(photo, name, { class: "open frame" }, shown));
  }

  /** So many photos from a place on, of the one or two answers that have them; none where those can't be had. */
  async #range({ start, size }) {
    const first = Math.floor(start / ANSWER);
    const last = Math.floor((start + size - 1) / ANSWER);
    try {
      const photos = (await Promise.all([first, last].map((number) => this.#page(number)))).flat();
      return photos.slice(start - first * ANSWER, start - first * ANSWER + size);
    } catch (error) {
      this.#onError(error);
      return [];
    }
  }

  #page(number) {
    const page = this.#pages.get(number) ?? this.#load(number * ANSWER, ANSWER);
    page.catch(() => this.#pages.delete(number));
    this.#pages.delete(number);
    this.#pages.set(number, page);
    if (this.#pages.size > ANSWERS_KEPT) this.#pages.delete([...this.#pages.keys()][0]);
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

function pause(until, options) {
  return new Promise((resolve) => until(resolve, options));
}
