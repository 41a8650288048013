/** The chronology: photos by when they were taken; as handler/search/overview/chronology.py. */

/** The day on which a photo was taken, "2024-05-31"; undefined where that isn't known. */
export function dayOf({ taken }) {
  return /^\d{4}-\d{2}-\d{2}/.test(taken ?? "") ? taken.slice(0, 10) : undefined;
}

/**
 * Photos in order: by date, those of one date by id, and those without a date last.
 * @param {number[]} numbers
 * @param {object[]} photos All photos, by id.
 * @param {"newest" | "oldest"} order Which come first.
 */
export function chronological(numbers, photos, order) {
  const byId = [...numbers].sort((one, other) => one - other);
  const [dated, undated] = [true, false].map((wanted) => byId.filter((number) => !dayOf(photos[number]) !== wanted));
  const sign = order === "newest" ? -1 : 1;
  const compare = (one, other) => sign * ((one > other) - (one < other));
  return [...dated.sort((one, other) => compare(photos[one].taken, photos[other].taken)), ...undated];
}
