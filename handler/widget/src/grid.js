/** The grid: photos that were found, in rows of one height; what is perhaps meant stands apart, below. */

import { drawn, make } from "./dom.js";
import { framed } from "./pictures.js";
import { content, place, Walk } from "./tiles.js";

// So few photos are shown so large (styles.css) that thumbnails are too small for them.
const FEW = 6;

export class Grid {
  #say;
  #walk;
  #tiles = [];
  /** How many of the tiles have something in them; the others only keep their places. */
  #furnished = 0;
  /** Pictures that are there from the photos before, by the photos' ids. */
  #frames = new Map();
  #found;
  #unsure;
  /** The photos shown. */
  photos = [];

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {(index: number) => void} onOpen What to do with a photo that is chosen.
   * @param {(photo: object) => void} onSimilar What to do when more like a photo are wanted.
   */
  constructor(say, onOpen, onSimilar) {
    this.#say = say;
    const keys = say("keys");
    const list = (name) => make("ol", { role: "list", part: "grid", "aria-label": say(name), "aria-description": keys });
    this.#found = list("grid");
    this.#unsure = list("perhaps");
    const apart = make("section.apart", {}, make("h2", {}, say("perhapsToo")), this.#unsure);
    this.element = make("div.wall", {}, this.#found, apart);
    const indexOf = (tile) => this.#tiles.indexOf(tile);
    this.#walk = new Walk(
      this.element,
      (tile) => onOpen(indexOf(tile)),
      (tile) => onSimilar(this.photos[indexOf(tile)]),
    );
  }

  /** Show these photos; of one that stays the picture is kept, so that it does not flicker. */
  show(photos) {
    this.#frames = new Map(this.#tiles.map((tile, index) => [this.photos[index].id, tile.querySelector(".frame")]));
    this.photos = [];
    this.#tiles = [];
    this.#furnished = 0;
    this.#found.replaceChildren();
    this.#unsure.replaceChildren();
    this.add(photos);
    this.#walk.reach(this.#tiles[0]);
  }

  /** Show these photos after the others. */
  add(photos) {
    const tiles = photos.map(place);
    this.photos = [...this.photos, ...photos];
    this.#tiles.push(...tiles);
    this.#found.append(...tiles.filter((_, index) => !photos[index].perhaps));
    this.#unsure.append(...tiles.filter((_, index) => photos[index].perhaps));
    this.#furnish(1);
  }

  /** Move the focus to a photo. */
  focus(index = 0) {
    if (index >= this.#furnished) this.#furnish(index + 1 - this.#furnished);
    this.#tiles[index]?.querySelector(".open")?.focus();
  }

  /** Furnish so many of the tiles now, and twice as many when the browser has drawn these: the first is there soonest. */
  #furnish(count) {
    const end = Math.min(this.#furnished + count, this.#tiles.length);
    for (; this.#furnished < end; this.#furnished++) {
      const photo = this.photos[this.#furnished];
      const frame = this.#frames.get(photo.id) ?? framed(photo, this.#say);
      if (this.photos.length <= FEW && photo.preview) frame.firstChild.src = photo.preview;
      this.#tiles[this.#furnished].append(...content(photo, this.#say, frame));
    }
    if (end < this.#tiles.length) drawn(() => this.#furnish(2 * count));
  }
}
