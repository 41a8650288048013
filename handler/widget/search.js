/**
 * The search page: sends what is typed to v1/search and shows the answer.
 * Texts of the collection are only ever set as text, never as markup.
 */

const RESULTS_WANTED = 48;
// Panoramas and scrolls are cropped to these shapes in the grid, so that a row stays a row.
const NARROWEST = 0.6;
const WIDEST = 2.4;

const form = document.querySelector("form");
const input = document.querySelector("#query");
const status = document.querySelector("#status");
const notice = document.querySelector("#notice");
const results = document.querySelector("#results");
const template = document.querySelector("#photo");

/** Cancels the request in flight, so that an earlier answer never replaces a later one. */
let inFlight = new AbortController();

/** What went wrong, in words for the reader. */
class SearchError extends Error {}

async function fetchAnswer(query, minRelevance, signal) {
  const parameters = new URLSearchParams({ q: query, k: RESULTS_WANTED });
  if (minRelevance !== undefined) parameters.set("min_relevance", minRelevance);
  let response;
  try {
    response = await fetch(`v1/search?${parameters}`, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new SearchError("There was no answer. Are you connected?");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new SearchError(body.detail ?? `The server answered ${response.status}.`);
  return body;
}

async function search(query, minRelevance) {
  inFlight.abort();
  inFlight = new AbortController();
  const { signal } = inFlight;
  document.body.dataset.state = "searching";
  document.title = `${query} · Thinlens`;
  results.setAttribute("aria-busy", "true");
  try {
    show(await fetchAnswer(query, minRelevance, signal), minRelevance);
  } catch (error) {
    if (signal.aborted) return;
    const detail = error instanceof SearchError ? error.message : "The answer could not be read.";
    say("That did not work", detail, "Try again", () => search(query, minRelevance));
  }
  results.removeAttribute("aria-busy");
}

function show(answer, minRelevance) {
  if (answer.no_relevant_results) {
    sayNothingFound(answer.query, minRelevance);
    return;
  }
  const count = answer.results.length;
  document.body.dataset.state = "answered";
  notice.hidden = true;
  status.textContent = `${count} ${count === 1 ? "photo" : "photos"} in ${Math.ceil(answer.took_ms)} ms`;
  results.replaceChildren(...answer.results.map(card));
}

function sayNothingFound(query, minRelevance) {
  if (minRelevance === 0) {
    say("Nothing relevant found", `Nothing in “${query}” is a word that this search knows.`);
  } else {
    const detail = `No photo here seems to show “${query}”.`;
    say("Nothing relevant found", detail, "Show the closest anyway", () => search(query, 0));
  }
}

/** Says in place of results why there are none, and may offer one thing to do. */
function say(title, detail, offer, act) {
  document.body.dataset.state = "noticed";
  const [heading, text, button] = notice.children;
  heading.textContent = title;
  text.textContent = detail;
  button.textContent = offer ?? "";
  button.hidden = !offer;
  button.onclick = act;
  notice.hidden = false;
  status.textContent = title;
  results.replaceChildren();
}

function card(result) {
  const item = template.content.cloneNode(true).firstElementChild;
  const frame = item.querySelector(".frame");
  const image = item.querySelector("img");
  const aspect = Math.min(Math.max(result.width / result.height, NARROWEST), WIDEST);
  item.style.setProperty("--aspect", aspect.toFixed(3));
  item.style.setProperty("--relevance", result.relevance);
  const address = webAddress(result.url);
  if (address) item.querySelector("a").href = address;
  image.onerror = () => {
    frame.classList.add("missing");
    frame.textContent = "Picture not available";
  };
  image.src = webAddress(result.thumbnail_url) ?? "";
  item.querySelector(".caption").textContent = result.caption || result.id;
  item.querySelector(".number").textContent = result.relevance.toFixed(2);
  return item;
}

/** The address if a browser may safely be sent there, for it comes from the collection. */
function webAddress(address) {
  const url = new URL(address, document.baseURI);
  return ["http:", "https:"].includes(url.protocol) ? url.href : undefined;
}

function searchFromAddress() {
  const query = new URLSearchParams(location.search).get("q") ?? "";
  input.value = query;
  if (query.trim()) search(query);
  else start();
}

/** The page as it is before anything is asked. */
function start() {
  inFlight.abort();
  document.body.dataset.state = "start";
  document.title = "Thinlens";
  notice.hidden = true;
  status.textContent = "";
  results.replaceChildren();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = input.value.trim();
  if (!query) return;
  history.pushState(null, "", `./?${new URLSearchParams({ q: query })}`);
  search(query);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== input) {
    event.preventDefault();
    input.select();
  }
});

window.addEventListener("popstate", searchFromAddress);
searchFromAddress();
