/** What is said above the grid: whose like is shown, why there is nothing to show, and what else to try. */

import { iconButton, make, textButton } from "./dom.js";
import { framed } from "./pictures.js";

const SUGGESTIONS = 8;

/** The photo whose like is shown; nothing without one. */
export function sourceOf(photo, say, onLeave) {
  if (!photo) return [];
  const words = make("span", { dir: "auto" }, say("similarTo", { caption: photo.caption }));
  const leave = iconButton("cross", say("leaveSimilar"), { click: onLeave });
  return [make("div.source", {}, framed(photo, say), words, leave)];
}

/** Why there are no photos, and at most one thing to do about it: `act`, if it is offered. */
export function notice(title, detail, offer, act) {
  const button = offer ? [textButton({ click: act }, offer)] : [];
  const words = [make("h2", {}, title), make("p", { dir: "auto" }, detail)];
  return make("section.notice", {}, ...words, ...button);
}

/** Queries that find something, each of them a button; nothing without any. */
export function suggestionsOf(queries, say, onSearch) {
  const buttons = queries
    .slice(0, SUGGESTIONS)
    .map((query) => textButton({ part: "suggestion", dir: "auto", click: () => onSearch(query) }, query));
  if (!buttons.length) return [];
  return [make("div.suggestions", {}, make("span", {}, say("suggestions")), ...buttons)];
}
