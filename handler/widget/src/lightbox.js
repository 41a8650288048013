/** The lightbox: one photo at a time, as large as the window, with what is known of it. */

import { call, icon, iconButton, make, textButton } from "./dom.js";
import { isAlone } from "./moves.js";
import { flowing, image } from "./pictures.js";
import { meter } from "./tiles.js";
import { beyondCaption, marked, wordsLine } from "./words.js";

const SWIPE_PX = 48;
// A picture may be shown a little larger than it is.
const BLOW_UP = 1.25;
// So many characters of the words that were found are shown before the first of them, and from it on.
const WORDS_BEFORE = 120;
const WORDS_AFTER = 240;

export class Lightbox {
  #say;
  #reader;
  #count = 0;
  #at;
  #index = 0;
  #photo;
  #stage = make("div.stage", {
    dblclick: () => this.#enlarge(),
    click: ({ target }) => target === this.#stage && this.close(),
  });
  #caption = make("p.told", { id: "told", part: "caption", dir: "auto" });
  #words = make("p.words");
  #why = make("p.why");
  #position = make("span.position");
  #folder = textButton({ click: () => this.#leave().browseFolder(folderOf(this.#photo)) });
  #download;
  #link;
  #zoom;
  #large;
  #previous;
  #next;

  /**
   * @param {(name: string, values?: object) => string} say
   * @param {object} reader What the reader can ask for here.
   * @param {(index: number) => void} reader.closed Told which photo was shown last.
   * @param {(photo: object) => void} reader.show Told of each photo at large.
   * @param {(photo: object) => void} reader.similar
   * @param {(folder: string) => void} reader.browseFolder
   * @param {(photo: object) => string} reader.addressOf Where a photo can be shown again.
   */
  constructor(say, reader) {
    this.#say = say;
    this.#reader = reader;
    const turn = (way) => ({ class: way > 0 ? "round step next" : "round step", click: () => this.#show(this.#index + way) });
    this.#previous = iconButton("back", say("previous"), turn(-1));
    this.#next = iconButton("forward", say("next"), turn(1));
    this.#zoom = iconButton("zoom", say("zoomIn"), { click: () => this.#enlarge() });
    const close = iconButton("cross", say("close"), { click: () => this.close() });
    const link = (name, attributes) => make("a.pill", { part: "button", href: ".", ...attributes }, say(name));
    this.#download = link("download", { download: true });
    this.#link = link("open", { target: "_blank", rel: "noreferrer" });
    const similar = textButton({ click: () => this.#leave().similar(this.#photo) }, icon("similar"), say("similar"));
    const share = textButton({ click: () => this.#share() }, say("share"));
    const told = make("div", {}, this.#caption, this.#words, this.#why);
    // What the page around has in the slot may have changed the photo.
    const slot = make("slot", { name: "actions", change: () => this.#tell() });
    const actions = make("div.actions", {}, similar, this.#folder, share, this.#download, this.#link, slot);
    this.element = make(
      "dialog.lightbox",
      {
        "aria-labelledby": "told",
        cancel: () => this.close(),
        keydown: (event) => this.#move(event),
      },
      make("div.head", {}, this.#position, this.#zoom, close),
      ...[this.#stage, this.#previous, this.#next],
      make("div.foot", {}, told, actions),
    );
    this.#followSwipes();
  }

  /** Open at one of so many photos; `at` gets that of a place, or promises it. */
  open(count, index, at) {
    this.#count = count;
    this.#at = at;
    this.element.showModal();
    this.#show(index);
  }

  /** Close, and say so at once: by the time of the event "close" the reader may have moved the focus on. */
  close() {
    if (!this.element.open) return;
    this.element.close();
    this.#reader.closed(this.#index);
  }

  /** Close, for the reader asks for something else. */
  #leave() {
    this.close();
    return this.#reader;
  }

  async #show(index) {
    if (index < 0 || index >= this.#count) return;
    this.#index = index;
    const photo = await this.#at(index);
    if (!photo || index !== this.#index) return;
    this.#photo = photo;
    this.#stage.replaceChildren(this.#picture(photo));
    this.#enlarge(false);
    this.#tell();
    this.#position.textContent = this.#say("position", { position: index + 1, count: this.#count });
    // Where the photo itself isn't published, its preview is the largest that there is.
    for (const link of [this.#download, this.#link]) {
      link.href = photo.url ?? photo.preview ?? "";
      link.hidden = !link.getAttribute("href");
    }
    const folder = folderOf(photo);
    this.#folder.hidden = !folder;
    this.#folder.textContent = this.#say("inFolder", { folder });
    // Not disabled, which would take the focus away from whoever uses them.
    this.#previous.ariaDisabled = index === 0;
    this.#next.ariaDisabled = index === this.#count - 1;
    this.#reader.show(photo);
  }

  /** Say what the photo shows, and why it was found. */
  #tell({ caption, words, relevance, byLook, guessed, taken, camera } = this.#photo) {
    const elsewhere = beyondCaption(words);
    this.#caption.replaceChildren(...marked(caption, (!elsewhere && words?.marks) || []));
    this.#words.hidden = !elsewhere;
    if (elsewhere) this.#words.replaceChildren(...wordsLine(words, this.#say, WORDS_BEFORE, WORDS_AFTER).nodes);
    const said = [
      taken && this.#say("{date}", { date: taken }),
      camera,
      !elsewhere && relevance !== undefined && this.#say(byLook ? "byLook" : "byCaption"),
      guessed && this.#say("guessed"),
    ];
    const lines = said.filter(Boolean).map((text) => make("span", {}, text));
    this.#why.replaceChildren(...meter(relevance, this.#say), ...lines);
  }

  /**
   * The thumbnail, which is there already, and over it, once it has come, the preview or else the photo, if a browser can
   * show it. Neither is shown much larger than it is.
   */
  #picture(photo) {
    const { caption, thumbnail, preview, url, width, height } = photo;
    const fit = ({ target }) => figure.style.setProperty("--width", `${Math.min(width, BLOW_UP * target.naturalWidth)}px`);
    const small = image({ src: thumbnail });
    const full = image({ alt: caption, error: () => alone() });
    const shape = { "--aspect": width / height, "--width": `${width}px`, ...flowing(photo) };
    const figure = make("div.large", shape, small, full);
    const alone = () => {
      [small.alt, full.alt] = [caption, ""];
      if (small.naturalWidth) fit({ target: small });
      small.addEventListener("load", fit);
    };
    full.addEventListener("load", fit);
    if (preview ?? url) full.src = preview ?? url;
    else alone();
    this.#large = full;
    return figure;
  }

  /** Twice as large, to be moved around in, or as large as the window again. */
  #enlarge(yes = !this.#enlarged) {
    const { url, preview } = this.#photo;
    const stage = this.#stage;
    stage.classList.toggle("enlarged", yes);
    stage.tabIndex = yes ? 0 : -1;
    call(this.#zoom, this.#say(yes ? "zoomOut" : "zoomIn"));
    if (!yes) return;
    if (url && preview) this.#large.src = url;
    stage.focus();
    stage.scrollTo(stage.clientWidth / 2, stage.clientHeight / 2);
  }

  get #enlarged() {
    return this.#stage.matches(".enlarged");
  }

  /** Give the photo's address away: by what the device has for that, or else by the clipboard, or at least to be read. */
  async #share() {
    const url = this.#reader.addressOf(this.#photo);
    const ways = [
      () => navigator.share({ title: this.#photo.caption, url }),
      () => navigator.clipboard.writeText(url).then(() => (this.#position.textContent = this.#say("copied"))),
    ];
    for (const way of ways) {
      try {
        return await way();
      } catch (error) {
        if (error.name === "AbortError") return; // by the reader
      }
    }
    this.#position.textContent = url;
  }

  #move(event) {
    const act = {
      "+": () => this.#enlarge(true),
      "-": () => this.#enlarge(false),
      ArrowLeft: () => this.#enlarged || this.#step(-1),
      ArrowRight: () => this.#enlarged || this.#step(1),
    }[event.key];
    if (act && isAlone(event) && !act()) event.preventDefault();
  }

  /** One photo to the right (1) or to the left (-1), whichever way the page is read. */
  #step(right) {
    this.#show(this.#index + (getComputedStyle(this.element).direction === "rtl" ? -right : right));
  }

  #followSwipes() {
    let start;
    // The page may turn something by swipes, too.
    const swipe = (type, act) =>
      this.#stage.addEventListener(type, (event) => event.stopPropagation() ?? act(event), { passive: true });
    swipe("touchstart", ({ touches: [touch, other] }) => (start = other || this.#enlarged ? NaN : touch.clientX));
    swipe("touchend", ({ changedTouches: [{ clientX }] }) => {
      if (Math.abs(clientX - start) > SWIPE_PX) this.#step(Math.sign(start - clientX));
    });
  }
}

/** "holidays/rome/1.jpg" -> "holidays/rome"; "" for a photo in no folder. */
function folderOf({ id }) {
  return id.replace(/\/?[^/]*$/, "");
}
