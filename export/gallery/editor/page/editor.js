/** The editor: what `thinlens serve` adds to its page, to correct captions, hide photos and give them keywords. */

import { button, Line, make, speaker } from "./elements.js";
import { HiddenPhotos } from "./hidden_photos.js";
import { Pencil } from "./pencil.js";
import { Selection } from "./selection.js";
import { Server } from "./server.js";

const LONGEST_KEYWORD = 64;

class Editor {
  #say;
  #widget;
  #server;
  #selection;
  #status = make("p", { "aria-live": "polite" });
  #undo;
  #choose;
  #tools;
  #hidden;
  #keyword;
  #giveKeyword;
  #busy = false;

  constructor(say, widget, server) {
    this.#say = say;
    this.#widget = widget;
    this.#server = server;
    this.#selection = new Selection(widget, server, () => this.#tellChosen());
    const pencil = new Pencil(say, (id, caption) => this.#correctCaption(id, caption), (id) => this.#hide([id]));
    widget.addEventListener("thinlens-show", ({ detail }) => pencil.follow(detail));
    widget.append(pencil.element);
    this.#hidden = new HiddenPhotos(say, server, (photos) => this.#show(photos));

    this.#undo = button(say("undo"), undefined, { hidden: true });
    this.#choose = button(say("select"), () => this.#toggle(), { "aria-pressed": "false" });
    this.#giveKeyword = button(say("addKeyword"), () => this.#askKeyword());
    this.#tools = make("span", { hidden: true });
    const all = () => this.#do(() => this.#selection.all());
    const hide = () => this.#hide(this.#selection.ids);
    this.#tools.append(button(say("selectAll"), all), button(say("hide"), hide), this.#giveKeyword);
    this.#keyword = new Line(say, {
      label: say("keyword"),
      longest: LONGEST_KEYWORD,
      save: (keyword) => this.#addKeyword(keyword.trim()),
      leave: () => this.#leaveKeyword(),
    });
    const bar = make("section", { class: "editor", "aria-label": say("corrections") });
    const buttons = make("div", {}, this.#choose, this.#tools, this.#keyword.element, this.#hidden.button);
    bar.append(make("div", {}, this.#status, this.#undo), buttons);
    document.body.append(bar, this.#hidden.element);
    document.addEventListener("keydown", (event) => this.#escape(event));
  }

  /** Choose photos, or no longer. */
  #toggle(active = !this.#selection.active) {
    this.#choose.ariaPressed = `${active}`;
    this.#tools.hidden = !active;
    this.#hidden.button.hidden = active;
    this.#keyword.close();
    this.#selection.toggle(active);
  }

  #escape({ key, defaultPrevented }) {
    const used = this.#widget.shadowRoot.activeElement ?? document.activeElement;
    if (key !== "Escape" || defaultPrevented || !this.#selection.active || used?.matches("input, dialog *")) return;
    this.#toggle(false);
    this.#choose.focus();
  }

  #tellChosen() {
    const count = this.#selection.ids.length;
    const chosen = this.#say(count ? "selected" : "selectHint", { count });
    this.#undo.hidden = true;
    this.#status.textContent = this.#selection.active ? chosen : "";
  }

  async #correctCaption(id, caption) {
    await this.#server.correct([id], { caption });
    const tiles = this.#widget.shadowRoot.querySelectorAll(`.open[value="${CSS.escape(id)}"]`);
    for (const tile of tiles) {
      tile.ariaLabel = caption;
      for (const text of tile.querySelectorAll("[part~=caption]")) text.textContent = caption;
    }
  }

  #hide(photos) {
    return this.#correct(photos, { hidden: true }, "hiddenNow", { hidden: false });
  }

  #show(photos) {
    return this.#correct(photos, { hidden: false }, "shownAgain", { hidden: true });
  }

  async #addKeyword(keyword) {
    this.#leaveKeyword();
    await this.#correct(this.#selection.ids, { add_keyword: keyword }, "keywordAdded", { remove_keyword: keyword });
  }

  #askKeyword() {
    if (!this.#selection.ids.length) return;
    this.#giveKeyword.hidden = true;
    this.#keyword.open();
  }

  #leaveKeyword() {
    this.#giveKeyword.hidden = false;
    this.#keyword.close();
    this.#giveKeyword.focus();
  }

  /** Correct photos, say what was done, and how it is undone. */
  async #correct(photos, change, said, back) {
    if (!photos.length) return;
    await this.#do(async () => {
      this.#status.textContent = this.#say("saving");
      const changed = await this.#server.correct(photos, change);
      if ("hidden" in change) {
        this.#selection.clear();
        await this.#widget.refresh();
      }
      this.#status.textContent = this.#say(said, { count: changed.length, keyword: change.add_keyword });
      this.#undo.hidden = !changed.length;
      this.#undo.onclick = () => this.#takeBack(changed, back);
      this.#undo.focus();
    });
  }

  async #takeBack(photos, change) {
    await this.#do(async () => {
      await this.#server.correct(photos, change);
      if ("hidden" in change) await this.#widget.refresh();
      this.#choose.focus();
      this.#undo.hidden = true;
      this.#status.textContent = this.#say("undone");
    });
  }

  /** Do one thing at a time; where it fails, say why. */
  async #do(act) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await act();
    } catch (error) {
      this.#status.textContent = error.message || this.#say("unreachable");
    }
    this.#busy = false;
  }
}

const widget = document.querySelector("thinlens-search");
const server = new Server();
widget.ask = server.ask;
const texts = await (await fetch(new URL("texts.json", import.meta.url))).json();
await customElements.whenDefined("thinlens-search");
new Editor(speaker(texts), widget, server);
