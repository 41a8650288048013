/** The pencil: beside the buttons of a photo at large, to correct its caption or to hide it. */

import { button, Line, make } from "./elements.js";

const LONGEST_CAPTION = 512;

export class Pencil {
  #say;
  #correct;
  #photo;
  #line;
  #pencil;
  #hide;
  #status = make("p", { "aria-live": "polite" });

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {(id: string, caption: string) => Promise<void>} correct Gives a photo a caption; throws where that fails.
   * @param {(id: string) => void} hide
   */
  constructor(say, correct, hide) {
    this.#say = say;
    this.#correct = correct;
    const options = { label: say("caption"), longest: LONGEST_CAPTION };
    this.#line = new Line(say, { ...options, save: (text) => this.#save(text), leave: () => this.#leave() });
    this.#pencil = button(say("correct"), () => this.#open());
    this.#hide = button(say("hide"), () => hide(this.#photo.id));
    this.element = make("div", { class: "editor-pencil", slot: "actions" });
    this.element.append(this.#pencil, this.#hide, this.#line.element, this.#status);
  }

  /** Another photo is shown. */
  follow(photo) {
    this.#photo = photo;
    this.#status.textContent = "";
    this.#close();
  }

  #open() {
    this.#status.textContent = "";
    this.#pencil.hidden = this.#hide.hidden = true;
    // Where there is no caption, the page shows the photo's name in its place.
    this.#line.open(this.#photo.caption === this.#photo.id ? "" : this.#photo.caption);
  }

  #close() {
    this.#pencil.hidden = this.#hide.hidden = false;
    this.#line.close();
  }

  #leave() {
    this.#close();
    this.#status.textContent = "";
    this.#pencil.focus();
  }

  async #save(text) {
    const photo = this.#photo;
    this.#status.textContent = this.#say("saving");
    try {
      await this.#correct(photo.id, text);
    } catch (error) {
      if (photo === this.#photo) this.#status.textContent = error.message || this.#say("unreachable");
      return;
    }
    Object.assign(photo, { caption: text, words: undefined, byLook: false, guessed: false });
    if (photo !== this.#photo) return;
    this.#leave();
    this.#status.textContent = this.#say("saved");
    this.element.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
