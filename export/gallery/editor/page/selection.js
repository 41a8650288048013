/** The selection: which photos of those that are shown are chosen, by clicks and keys on the photos themselves. */

export class Selection {
  #widget;
  #server;
  #onChange;
  #ids = new Set();
  /** The photo that was chosen last: from it on a range is chosen. */
  #anchor;
  #withShift = false;
  #observer = new MutationObserver(() => this.#mark());
  active = false;

  /**
   * @param {HTMLElement} widget The search.
   * @param {import("./server.js").Server} server
   * @param {() => void} onChange Told when another photo is chosen.
   */
  constructor(widget, server, onChange) {
    this.#widget = widget;
    this.#server = server;
    this.#onChange = onChange;
    widget.addEventListener("click", ({ shiftKey }) => (this.#withShift = shiftKey), { capture: true });
    widget.addEventListener("thinlens-select", (event) => this.#choose(event));
  }

  get ids() {
    return [...this.#ids];
  }

  /** Begin to choose photos, or leave it. */
  toggle(active) {
    this.active = active;
    this.clear();
    if (active) this.#observer.observe(this.#widget.shadowRoot, { subtree: true, childList: true });
    else this.#observer.disconnect();
  }

  clear() {
    this.#ids.clear();
    this.#anchor = undefined;
    this.#tell();
  }

  /** Choose all photos that were found, whether they are shown already or not. */
  async all() {
    const shown = this.#tiles().map(idOf);
    const listed = this.#isListed() ? await this.#server.ids() : [];
    // What is only perhaps meant is chosen where there is nothing else.
    this.#ids = new Set(listed.length ? listed : shown);
    this.#tell();
  }

  async #choose(event) {
    if (!this.active) return;
    event.preventDefault();
    const { id } = event.detail;
    const range = this.#withShift && this.#anchor ? await this.#range(this.#anchor, id) : [id];
    const chosen = range.length === 1 ? !this.#ids.has(id) : true;
    for (const each of range) this.#ids[chosen ? "add" : "delete"](each);
    this.#anchor = { id, place: this.#placeOf(id) };
    this.#tell();
  }

  /** The ids of all photos from one to another. */
  async #range(anchor, id) {
    const [start, end] = [anchor.place, this.#placeOf(id)].toSorted((one, other) => one - other);
    const tiles = this.#tiles();
    const between = tiles.filter((tile, index) => isBetween(placeOf(tile, index), start, end)).map(idOf);
    // Of all photos by date those that are far from the window aren't in the page.
    if (between.length === end - start + 1 || !this.#isListed()) return between;
    return this.#server.ids(start, end + 1);
  }

  #placeOf(id) {
    const tiles = this.#tiles();
    const index = tiles.findIndex((tile) => idOf(tile) === id);
    return placeOf(tiles[index], index);
  }

  /** Whether what is shown is what was listed last; the photos that a collection begins with are no list. */
  #isListed() {
    const [tile] = this.#tiles();
    return tile && (tile.closest("li").ariaPosInSet || this.#server.begins(idOf(tile)));
  }

  #tiles() {
    return [...this.#widget.shadowRoot.querySelectorAll(".open")];
  }

  #tell() {
    this.#mark();
    this.#onChange();
  }

  #mark() {
    for (const tile of this.#tiles()) {
      const chosen = this.#ids.has(idOf(tile));
      tile.role = this.active ? "checkbox" : null;
      tile.ariaChecked = this.active ? `${chosen}` : null;
      tile.part.toggle("choice", this.active);
      tile.part.toggle("chosen", chosen);
    }
  }
}

function idOf({ value }) {
  return value;
}

/** The place of a photo among all that were found: said where not all of them are in the page. */
function placeOf(tile, index) {
  const said = tile?.closest("li").ariaPosInSet;
  return said ? said - 1 : index;
}

function isBetween(place, start, end) {
  return place >= start && place <= end;
}
