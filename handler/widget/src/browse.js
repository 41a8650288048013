/**
 * Browsing: all photos by date, month by month, each a square. How many there are of a month says how high it is: so all
 * of a collection is laid out before a photo of it is there, and the page holds no more than what is near the window.
 */

import { make } from "./dom.js";
import { framed } from "./pictures.js";
import { picture, Walk } from "./tiles.js";

// Photos that come and go together: whole rows of 3, 4, 5, 6, 10 and 12 (styles.css).
const BLOCK = 60;
// Blocks that are watched together, for watching thousands takes longer than a frame.
const SHELF = 20 * BLOCK;
// Photos of one answer, and how many answers are kept.
const ANSWER = 100;
const ANSWERS_KEPT = 20;
// Whoever scrolls past doesn't want what flies by.
const FLYING_MS = 60;

export class Browse {
  #say;
  #onError;
  #walk;
  #load;
  #observer;
  /** Answers by their numbers, the one that was asked for last at the end. */
  #pages = new Map();
  /** Of each block the place of its first photo and how many it has, in order. */
  #blocks = new Map();
  #near = new Set();
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
    this.element = make("div", { class: "browse", part: "browse", "aria-description": say("keys"), keydown });
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
    this.#observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.#notice(entry)), {
      rootMargin: "100% 0px",
    });
    const dated = months.map(({ month, count }) => [this.#say("{date}", { date: month }), count]);
    for (const [name, count] of [...dated, [this.#say("undated"), undated]]) this.#layOut(name, count);
  }

  /** Show nothing. */
  clear() {
    this.#observer?.disconnect();
    this.#pages.clear();
    this.#blocks.clear();
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
    const [block, { start }] = [...this.#blocks].findLast(([, { start }]) => start <= index);
    await this.#fill(block);
    block.children[index - start]?.firstChild.focus();
  }

  #layOut(name, count) {
    let shelf;
    if (count) this.element.append(make("h2", {}, name));
    for (let done = 0; done < count; done += BLOCK) {
      if (done % SHELF === 0) {
        shelf = make("div");
        this.element.append(shelf);
        this.#observer.observe(shelf);
      }
      const size = Math.min(BLOCK, count - done);
      const block = make("ol", { role: "list", "aria-label": name, "aria-hidden": "true", "--count": size });
      this.#blocks.set(block, { start: this.count, size });
      this.count += size;
      shelf.append(block);
    }
  }

  /** A shelf of blocks, or one of them, came near, or went; a block with the focus in it stays. */
  async #notice({ target, isIntersecting }) {
    if (!this.#blocks.has(target)) {
      for (const block of target.children) this.#observer[isIntersecting ? "observe" : "unobserve"](block);
    } else if (isIntersecting) {
      this.#near.add(target);
      await new Promise((resolve) => setTimeout(resolve, FLYING_MS));
      if (this.#near.has(target)) this.#fill(target);
    } else if (this.#near.delete(target) && !target.matches(":focus-within")) {
      target.replaceChildren();
      target.ariaHidden = "true";
    }
  }

  async #fill(block) {
    const { start, size } = this.#blocks.get(block) ?? {};
    if (!size || block.firstChild) return;
    this.#near.add(block);
    try {
      const photos = await this.#range(start, size);
      if (!this.#near.has(block) || block.firstChild) return;
      block.append(...photos.map((photo, index) => this.#tile(photo, start + index)));
      block.ariaHidden = "false";
      if (!this.element.querySelector("[tabindex='0']")) this.#walk.reach(block.firstChild);
    } catch (error) {
      if (this.#blocks.has(block)) this.#onError(error);
    }
  }

  #tile(photo, index) {
    const name = [photo.caption, ...(photo.taken ? [this.#say("{date}", { date: photo.taken })] : [])].join(this.#say("pause"));
    const position = { "aria-posinset": index + 1, "aria-setsize": this.count };
    return make("li", { part: "photo", ...position }, picture(photo, name, framed(photo, this.#say, [])));
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
