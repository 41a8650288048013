/** Tiles: one photo each, moved through as one thing with the arrow keys, however they are laid out. */

import { iconButton, make } from "./dom.js";
import { isAlone, neighbour } from "./moves.js";
import { beyondCaption, wordsLine } from "./words.js";

// So many characters of the words that were found are shown: a few before the first of them, so that it is in sight.
const BEFORE = 12;
const AFTER = 80;

/** Keys, clicks and the focus of all tiles below an element; of these the Tab key leads to one. */
export class Walk {
  #element;

  /**
   * @param {HTMLElement} element
   * @param {(tile: HTMLElement) => void} onOpen What to do with a tile that is chosen.
   * @param {(tile: HTMLElement) => void} onSimilar What to do when more like its photo are wanted.
   */
  constructor(element, onOpen, onSimilar) {
    this.#element = element;
    element.addEventListener("click", ({ target }) => {
      if (target.closest(".like")) onSimilar(target.closest("li"));
      else if (target.closest(".open")) onOpen(target.closest("li"));
    });
    element.addEventListener("focusin", ({ target }) => target.closest("li") && this.reach(target.closest("li")));
    element.addEventListener("keydown", (event) => isAlone(event) && this.#move(event));
  }

  /** Make one tile the one that the Tab key leads to. */
  reach(tile) {
    for (const button of this.#element.querySelectorAll("[tabindex='0']")) button.tabIndex = -1;
    for (const button of tile?.querySelectorAll("button") ?? []) button.tabIndex = 0;
  }

  #move(event) {
    const tiles = [...this.#element.querySelectorAll("li")];
    const rightToLeft = getComputedStyle(this.#element).direction === "rtl";
    const boxes = tiles.map((tile) => tile.getBoundingClientRect());
    const next = tiles[neighbour(boxes, tiles.indexOf(event.target.closest("li")), event.key, rightToLeft)];
    if (!next) return;
    event.preventDefault();
    next.querySelector(".open")?.focus();
  }
}

/** The place of a photo, with nothing in it yet. */
export function place({ aspect, perhaps, words }) {
  const kinds = [perhaps && "perhaps", beyondCaption(words) && "worded"].filter(Boolean).join(" ");
  return make("li", { part: perhaps ? "photo perhaps" : "photo", class: kinds, "--aspect": aspect });
}

/** What opens a photo at large: its picture, and what is to stand below. */
export function picture({ id }, name, attributes, ...content) {
  const open = { type: "button", part: "picture", tabindex: -1, value: id, "aria-label": name };
  return make("button.open", { ...open, ...attributes }, ...content);
}

/** All that is said of a photo that was found, with its picture in a frame. */
export function content(photo, say, frame) {
  const { caption, relevance, duplicates, perhaps } = photo;
  const words = beyondCaption(photo.words) ? [wordsLine(photo.words, say, BEFORE, AFTER)] : [];
  const alike = duplicates ? [say("duplicates", { count: duplicates })] : [];
  const relevant = relevance === undefined ? [] : [say("relevance", { relevance })];
  const unsure = perhaps ? [say("perhaps")] : [];
  const name = [caption, ...words.map(({ said }) => said), ...unsure, ...relevant, ...alike].join(say("pause"));
  const hidden = { "aria-hidden": "true" };
  return [
    picture(photo, name, {}, frame, make("span.caption", { dir: "auto", ...hidden }, caption)),
    ...words.map(({ said, nodes }) => make("div.words", { title: said, ...hidden }, ...nodes)),
    make(
      "div.line",
      {},
      ...meter(relevance, say),
      ...alike.map((text) => make("span", { title: text, ...hidden }, say("+{count}", { count: duplicates }))),
      iconButton("similar", say("similarOf", { caption }), { class: "round like", part: "similar", tabindex: -1, title: say("similar") }),
    ),
  ];
}

/** A relevance as a bar and a number; nothing for a photo that was not searched for. */
export function meter(relevance, say) {
  if (relevance === undefined) return [];
  const bar = make("span.bar", { "--relevance": relevance });
  const number = say("{relevance}", { relevance });
  return [make("span.relevance", { "aria-hidden": "true" }, bar, number)];
}
