/**
 * Filters: what the reader narrows the photos down by, each a text, "folder:holidays/rome", "taken:2024-05" or
 * "where:rating:4"; and what there is to narrow them down by, counted. Of each kind, and of each column, there is one.
 */

/** "where:rating:4" -> ["where:rating", "4"]; "folder:a:b" -> ["folder", "a:b"]; undefined for what is no filter. */
export function readFilter(filter) {
  const [, kind, value] = /^(taken|folder|orientation|type|where:[^:]+):(.+)$/su.exec(filter) ?? [];
  return kind && [kind, value];
}

/** These filters with another one, which takes the place of the one of its kind; without it if it was among them. */
export function toggled(filters, filter) {
  const others = filters.filter((other) => readFilter(other)[0] !== readFilter(filter)[0]);
  return filters.includes(filter) ? others : [...others, filter];
}

/** @returns {[string, string][]} The parameters by which the interface (openapi.json) knows them. */
export function asParameters(filters) {
  return filters.flatMap((filter) => {
    const [, name, value] = /^(\w+):(.+)$/su.exec(filter);
    return name === "taken" ? [["taken_from", value], ["taken_to", value]] : [[name, value]];
  });
}

/**
 * What there is to narrow down by, as `GET /v1/facets` counts it.
 * @returns {{kind: string, values: {filter: string, count: number}[]}[]} Years; of a single year its months.
 */
export function readFacets({ months, folders, orientations, types, columns }) {
  const groups = [
    ["taken", datesOf(months)],
    ["folder", folders.map(({ folder, count }) => [folder, count])],
    ["orientation", orientations.map(pair)],
    ["type", types.map(pair)],
    ...columns.map(({ column, values }) => [`where:${column}`, values.map(pair)]),
  ];
  return groups
    .map(([kind, values]) => ({ kind, values: values.map(([value, count]) => ({ filter: `${kind}:${value}`, count })) }))
    .filter(({ values }) => values.length);
}

function pair({ value, count }) {
  return [value, count];
}

function datesOf(months) {
  const years = new Map();
  for (const { month, count } of months) {
    const year = month.slice(0, 4);
    years.set(year, (years.get(year) ?? 0) + count);
  }
  return years.size > 1 ? [...years] : months.map(({ month, count }) => [month, count]);
}
