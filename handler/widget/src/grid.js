/** The grid: photos in rows of one height, moved through as one thing with the arrow keys. */

import { iconButton, make } from "./dom.js";
import { neighbour } from "./moves.js";
import { framed } from "./pictures.js";

export class Grid {
  #say;
  #tiles = [];
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

  /** Show these photos; a tile whose photo stays is kept, so that its picture does not flicker. */
  show(photos) {
    const before = new Map(this.photos.map((photo, index) => [JSON.stringify(photo), this.#tiles[index]]));
    this.photos = photos;
    this.#tiles = photos.map((photo) => before.get(JSON.stringify(photo)) ?? this.#tile(photo));
    this.element.replaceChildren(...this.#tiles);
    this.#tiles.forEach((tile) => reachable(tile, false));
    this.#current = 0;
    this.#reach(0);
  }

  /** Show these photos after the others. */
  add(photos) {
    const tiles = photos.map((photo) => this.#tile(photo));
    this.photos = [...this.photos, ...photos];
    this.#tiles.push(...tiles);
    this.element.append(...tiles);
  }

  /** Move the focus to a photo. */
  focus(index = 0) {
    this.#tiles[index]?.querySelector(".open").focus();
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

  #tile(photo) {
    const { caption, relevance, duplicates } = photo;
    const alike = duplicates ? [this.#say("duplicates", { count: duplicates })] : [];
    const spoken = relevance === undefined ? [] : [this.#say("relevance", { relevance })];
    const tile = make(
      "li",
      { part: "photo" },
      make(
        "button",
        { type: "button", class: "open", part: "picture", tabindex: -1, "aria-label": [caption, ...spoken, ...alike].join(". ") },
        framed(photo, this.#say),
        make("span", { class: "caption", part: "caption", dir: "auto", "aria-hidden": "true" }, caption),
      ),
      make(
        "div",
        { class: "line" },
        ...meter(relevance, this.#say),
        ...alike.map((text) => make("span", { class: "alike", "aria-hidden": "true", title: text }, `+${duplicates}`)),
        iconButton("similar", `${this.#say("similar")}: ${caption}`, {
          class: "like",
          part: "similar",
          tabindex: -1,
          title: this.#say("similar"),
        }),
      ),
    );
    tile.style.setProperty("--aspect", photo.aspect);
    return tile;
  }
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
