/** Types of <thinlens-search>, for pages that are written in TypeScript. */

/** Where the words of a query stand. */
export interface ThinlensWords {
  place: "caption" | "text" | "name" | "column";
  /** The photo's own words, as a whole. */
  text: string;
  /** Where each word of the query starts and ends in them, as `[...text].slice(start, end)` takes it. */
  marks: [start: number, end: number][];
  /** The name of the column, if it is one and its name is known. */
  column: string | undefined;
}

/** A photo as the widget shows it. */
export interface ThinlensPhoto {
  /** Its path relative to the folder that was indexed. */
  id: string;
  /** The caption that explains why it was found, or its first one. */
  caption: string;
  /** Whether the picture itself explains it better than any caption. */
  byLook: boolean;
  /** Where the query's own words stand; undefined if they do nowhere, or the function is too old to say so. */
  words: ThinlensWords | undefined;
  /** 0 to 1; undefined where neither a text nor a picture was asked with. */
  relevance: number | undefined;
  perhaps: true | undefined;
  /** How many near-duplicates it stands for. */
  duplicates: number;
  /** Whether a model wrote the caption. */
  guessed: boolean;
  /** The day on which it was taken, "2024-05-06", if that is known. */
  taken: string | undefined;
  /** What the owner's column "camera" says. */
  camera: string | number | (string | number)[] | undefined;
  /** Of the photo itself, where it is published. */
  url: string | undefined;
  /** A picture that is large enough for a window, where there is one. */
  preview: string | undefined;
  thumbnail: string | undefined;
  /** In pixels. */
  width: number;
  height: number;
}

/** What was asked for, and the answer of the HTTP interface (openapi.json) as it came. */
export interface ThinlensSearchDetail {
  query: string;
  /** The id of the photo whose like was wanted, or "". */
  similar: string;
  /** Whether it was asked with a picture, too. */
  picture: boolean;
  answer: { bundle: string; no_relevant_results: boolean; next_offset: number | null; results: object[]; perhaps: object[] };
}

/** Attributes: `endpoint`, `lang`, `texts` (a JSON object), `query`, `parameter`, `no-history`, `autofocus`. */
export interface ThinlensSearchElement extends HTMLElement {
  /** Set before the element is defined, it is asked in place of `fetch`; `timeoutMs` is for how long that may take. */
  ask?: typeof fetch & { timeoutMs?: number };
  /** Shows the same anew, for the collection has changed. */
  refresh(): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    "thinlens-search": ThinlensSearchElement;
  }
  interface HTMLElementEventMap {
    /** There is an answer. */
    "thinlens-search": CustomEvent<ThinlensSearchDetail>;
    /** A photo was chosen; the lightbox stays closed if the default is prevented. */
    "thinlens-select": CustomEvent<ThinlensPhoto>;
    /** A photo is shown at large, whether it was chosen or stepped to. */
    "thinlens-show": CustomEvent<ThinlensPhoto>;
  }
}
