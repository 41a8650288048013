/** The tokenizer: a text becomes the numbers of a vocabulary's word pieces; as tokenizer.json says (BERT's WordPiece). */

import { normalise } from "./texts.js";

const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
const PUNCTUATION = /([!-/:-@[-`{-~\p{P}])/u;

export class WordPieces {
  #model;
  #normalizer;
  #special;
  #begin;
  #end;
  #mostTokens;

  /** @param {object} tokenizer What tokenizer.json says. @param {number} mostTokens Longer texts are cut. */
  constructor(tokenizer, mostTokens) {
    this.#model = tokenizer.model;
    this.#normalizer = tokenizer.normalizer;
    this.#special = new Map(tokenizer.added_tokens.map(({ content, id }) => [content, id]));
    const ids = ({ SpecialToken: special }) => (special ? tokenizer.post_processor.special_tokens[special.id].ids : []);
    const single = tokenizer.post_processor.single;
    const text = single.findIndex((part) => part.Sequence);
    this.#begin = single.slice(0, text).flatMap(ids);
    this.#end = single.slice(text + 1).flatMap(ids);
    this.#mostTokens = mostTokens;
  }

  /** Whether upper and lower case make no difference. */
  get ignoresCase() {
    return this.#normalizer.lowercase;
  }

  /** The place of a word that stands whole in the vocabulary, which has those first that are used most. */
  rank(word) {
    return Object.hasOwn(this.#model.vocab, word) ? this.#model.vocab[word] : this.#special.get(word);
  }

  /** The whole words of the vocabulary, in its order. */
  get words() {
    const known = Object.entries(this.#model.vocab).sort(([, one], [, other]) => one - other);
    return known.map(([word]) => word).filter((word) => /^\p{L}+$/u.test(word));
  }

  /** What the encoder reads of a text. */
  encode(text) {
    const most = this.#mostTokens - this.#begin.length - this.#end.length;
    return [...this.#begin, ...this.#pieces(text).slice(0, most), ...this.#end];
  }

  /** Whether at least one piece of a text is in the vocabulary. */
  knows(text) {
    const most = this.#mostTokens - this.#begin.length - this.#end.length;
    const unknown = this.rank(this.#model.unk_token);
    return this.#pieces(text).slice(0, most).some((piece) => piece !== unknown && piece !== this.rank("\u2581"));
  }

  #pieces(text) {
    const names = Array.from(this.#special.keys(), (name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    const parts = normalise(text).split(names.length ? new RegExp(`(${names.join("|")})`) : /$^/);
    return parts.flatMap((part) => this.#special.get(part) ?? this.#wordsOf(part).flatMap((word) => this.#piecesOf(word)));
  }

  /** A text's words and punctuation, as the vocabulary has them. */
  #wordsOf(text) {
    const { clean_text: clean, handle_chinese_chars: chinese, strip_accents: strips, lowercase } = this.#normalizer;
    if (clean) text = text.replaceAll("\ufffd", "");
    if (chinese) text = text.replace(CHINESE, " $& ");
    if (strips ?? lowercase) text = text.normalize("NFD").replace(/\p{Mn}/gu, "");
    if (lowercase) text = Array.from(text, (character) => character.toLowerCase()).join("");
    return text.split(/\s+/u).flatMap((word) => word.split(PUNCTUATION)).filter(Boolean);
  }

  /** The longest piece that a word begins with, then that with which the rest begins, and so on. */
  #piecesOf(word) {
    const { vocab, unk_token: unknown, continuing_subword_prefix: prefix, max_input_chars_per_word: most } = this.#model;
    const characters = Array.from(word);
    if (characters.length > most) return [vocab[unknown]];
    const pieces = [];
    for (let start = 0, end; start < characters.length; start = end) {
      const piece = (until) => (start ? prefix : "") + characters.slice(start, until).join("");
      for (end = characters.length; end > start && !Object.hasOwn(vocab, piece(end)); end--);
      if (end === start) return [vocab[unknown]];
      pieces.push(vocab[piece(end)]);
    }
    return pieces;
  }
}
