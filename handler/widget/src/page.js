/** The page around the widget speaks its reader's language, as far as it can, unless its own markup names one. */

import { preferred, spoken } from "./languages.js";

const { documentElement, head } = document;
documentElement.lang ||= preferred(navigator.languages);

// The texts come while the widget itself does, which asks for them.
const link = document.createElement("link");
const href = new URL(`languages/${spoken(documentElement.lang) ?? "en"}.json`, import.meta.url);
head.append(Object.assign(link, { rel: "preload", as: "fetch", crossOrigin: "anonymous", href }));
