/** The grid: photos in rows of one height, moved through as one thing with the arrow keys. */

import { iconButton, make } from "./dom.js";
import { neighbour } from "./moves.js";
import { framed } from "./pictures.js";
import { wordsLine } from "./words.js";

// So many tiles are made before the browser draws, and then in each frame: the first are there sooner.
const TILES_AT_ONCE = 4;
const TILES_A_FRAME = 12;
// So many characters of the words that were found are shown: a few before the first of them, so that it is in sight.
const BEFORE = 12;
const AFTER = 80;

export class Grid {
  #say;
  #tiles = [];
  /** How many of the tiles have something in them; the others only keep their places. */
  #furnished = 0;
  /** Pictures that are there from the photos before, by the photos' ids. */
  #frames = new Map();
  #current = 0;
  /** The photos shown. */
  photos = [];

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {(index: number) => void} onOpen What to do with a photo that is chosen.
   * @param {(photo: object) => void} onSimilar What to do when more like a photo are wanted.
   */
  constructor(say, onOpen, onSimilar) {
    this.#say = say;
    this.element = make("ol", { role: "list", part: "grid", "aria-label": say("grid"), "aria-description": say("keys") });
    this.element.addEventListener("click", (event) => {
      const index = this.#indexOf(event.target);
      if (index < 0) return;
      if (event.target.closest(".like")) onSimilar(this.photos[index]);
      else if (event.target.closest(".open")) onOpen(index);
    });
    this.element.addEventListener("focusin", (event) => this.#reach(this.#indexOf(event.target)));
    this.element.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Show these photos; of one that stays the picture is kept, so that it does not flicker. */
  show(photos) {
    this.#frames = new Map(this.#tiles.map((tile, index) => [this.photos[index].id, tile.querySelector(".frame")]));
    this.photos = [];
    this.#tiles = [];
    this.#furnished = 0;
    this.element.replaceChildren();
    this.add(photos);
    this.#current = 0;
    this.#reach(0);
  }

  /** Show these photos after the others. */
  add(photos) {
    const tiles = photos.map((photo) => {
      const { aspect, perhaps } = photo;
      const tile = make("li", perhaps ? { part: "photo perhaps", class: "perhaps" } : { part: "photo" });
      tile.classList.toggle("worded", saysWords(photo));
      tile.style.setProperty("--aspect", aspect);
      return tile;
    });
    this.photos = [...this.photos, ...photos];
    this.#tiles.push(...tiles);
    this.element.append(...tiles);
    this.#furnish(TILES_AT_ONCE);
  }

  /** Move the focus to a photo. */
  focus(index = 0) {
    if (index >= this.#furnished) this.#furnish(index + 1 - this.#furnished);
    this.#tiles[index]?.querySelector(".open")?.focus();
  }

  #indexOf(target) {
    return this.#tiles.indexOf(target.closest("li"));
  }

  /** Make one tile the one that the Tab key leads to. */
  #reach(index) {
    if (!this.#tiles[index]) return;
    reachable(this.#tiles[this.#current], false);
    reachable(this.#tiles[index], true);
    this.#current = index;
  }

  #move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const rightToLeft = getComputedStyle(this.element).direction === "rtl";
    const boxes = this.#tiles.map((tile) => tile.getBoundingClientRect());
    const index = neighbour(boxes, this.#current, event.key, rightToLeft);
    if (index === undefined) return;
    event.preventDefault();
    this.focus(index);
  }

  /** Furnish so many of the tiles now, and the others when the browser has drawn these. */
  #furnish(count) {
    const end = Math.min(this.#furnished + count, this.#tiles.length);
    for (; this.#furnished < end; this.#furnished++) {
      this.#tiles[this.#furnished].append(...this.#content(this.photos[this.#furnished]));
    }
    if (end < this.#tiles.length) requestAnimationFrame(() => setTimeout(() => this.#furnish(TILES_A_FRAME)));
  }

  #content(photo) {
    const { caption, relevance, duplicates, perhaps } = photo;
    const words = saysWords(photo) ? [wordsLine(photo.words, this.#say, BEFORE, AFTER)] : [];
    const alike = duplicates ? [this.#say("duplicates", { count: duplicates })] : [];
    const relevant = relevance === undefined ? [] : [this.#say("relevance", { relevance })];
    const unsure = perhaps ? [this.#say("perhaps")] : [];
    const name = [caption, ...words.map(({ said }) => said), ...unsure, ...relevant, ...alike].join(this.#say("pause"));
    const open = { type: "button", class: "open", part: "picture", tabindex: -1, "aria-label": name };
    const below = { class: "caption", part: "caption", dir: "auto", "aria-hidden": "true" };
    const found = { class: "words", part: "words", "aria-hidden": "true" };
    const similar = this.#say("similar");
    const like = { class: "like", part: "similar", tabindex: -1, title: similar };
    return [
      make("button", open, this.#frames.get(photo.id) ?? framed(photo, this.#say), make("span", below, caption)),
      ...words.map(({ said, nodes }) => make("div", { ...found, title: said }, ...nodes)),
      make(
        "div",
        { class: "line" },
        ...meter(relevance, this.#say),
        ...unsure.map((text) => make("span", { class: "unsure", "aria-hidden": "true" }, text)),
        ...alike.map((text) => make("span", { "aria-hidden": "true", title: text }, this.#say("alike", { count: duplicates }))),
        iconButton("similar", this.#say("similarOf", { caption }), like),
      ),
    ];
  }
}

/** Whether the words of the query stand somewhere that the tile doesn't show anyway. */
function saysWords({ words }) {
  return words !== undefined && words.place !== "caption";
}

/** A relevance as a bar and a number; nothing for a photo that was not searched for. */
export function meter(relevance, say) {
  if (relevance === undefined) return [];
  const bar = make("span", { class: "bar", part: "bar" });
  bar.style.setProperty("--relevance", relevance);
  const number = say("number", { relevance });
  return [make("span", { class: "relevance", part: "relevance", "aria-hidden": "true" }, bar, number)];
}

function reachable(tile, yes) {
  for (const button of tile.querySelectorAll("button")) button.tabIndex = yes ? 0 : -1;
}
