// The list: every case with all its backends side by side. A filter chooses cases; it never hides the siblings.

const LIST = { query: "", hits: [], counts: null, view: null, scroll: 0 };
const FACETS = ["backend", "outcome", "cause", "chapter", "level", "operation", "dtype", "mode"];
const MOST_VALUES = 30;
const MOST_CAUSES = 8;

function drawList(query) {
  if (!LIST.view) buildList();
  if ($("query").value !== query && document.activeElement !== $("query")) $("query").value = query;
  filterList(query);
}

function buildList() {
  const input = el("input", {
    id: "query",
    type: "search",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    placeholder: "backend:torch outcome:fail op:matmul",
    oninput: () => typed(input.value),
  });
  const heads = el(
    "div",
    { class: "row heads", "aria-hidden": "true" },
    el(
      "span",
      { class: "marks" },
      D.examined.map((s) => el("span", { class: "mark", title: D.subjects[s].name }, D.subjects[s].name)),
    ),
    el("span", { class: "clause" }, "Clause"),
    el("span", { class: "op" }, "Operation"),
    el("span", { class: "kind" }, "dtype, mode"),
  );
  const box = el("ul", { class: "rows", id: "rows" });
  const wide = matchMedia("(min-width: 900px)");
  const facets = el(
    "details",
    { class: "facets", id: "facets", open: wide.matches },
    el("summary", null, "Filters"),
    el("div", { id: "facet-groups" }),
  );
  $("list").replaceChildren(
    el("h1", null, "Results"),
    el(
      "div",
      { class: "ask" },
      el("label", { for: "query", class: "offstage" }, "Query"),
      input,
      el(
        "button",
        {
          class: "button",
          type: "button",
          onclick: () => {
            input.value = "";
            typed("");
            input.focus();
          },
        },
        "Clear",
      ),
    ),
    el(
      "p",
      { class: "hint" },
      "Words, or key:value with backend, outcome, cause, chapter, clause, op, dtype, mode, level. A minus sign negates; ",
      ...PROPERTIES.flatMap((it) => [el("a", { href: link("list", `is:${it}`) }, `is:${it}`), " "]),
    ),
    el("p", { id: "found", class: "found" }),
    el(
      "div",
      { class: "columns" },
      facets,
      el(
        "div",
        { class: "results" },
        heads,
        box,
        el("p", { id: "nothing", hidden: true }, "No case matches. Take a filter away, or clear the query."),
      ),
    ),
  );
  $("list").classList.toggle("many", D.examined.length > 3);
  $("list").classList.toggle("crowd", D.examined.length > 6);
  LIST.view = new VirtualList(box, listRow);
}

function typed(query) {
  history.replaceState(null, "", link("list", query));
  filterList(query);
}

function filterList(query) {
  const started = performance.now();
  Object.assign(LIST, search(query), { query });
  LIST.view.show(LIST.hits.length);
  drawFacets();
  const count =
    LIST.hits.length === D.n ? `${counted(D.n)} cases` : `${counted(LIST.hits.length)} of ${counted(D.n)} cases`;
  const unknown = LIST.plan.unknown;
  $("found").textContent = unknown.length ? `${count}. Nothing here is called ${unknown.join(", ")}.` : count;
  $("nothing").hidden = LIST.hits.length > 0;
  say(count);
  document.documentElement.dataset.filter = (performance.now() - started).toFixed(1);
}

function listRow(at) {
  const c = LIST.hits[at];
  const kind = [wordOf("dtype", c), wordOf("mode", c)].filter(Boolean).join(" · ");
  const marks = D.examined.map((s) => mark(outcomeOf(s, c), D.subjects[s].name));
  const operation = wordOf("operation", c) || "no single operation";
  const parameters = wordOf("parameters", c);
  const anchor = el(
    "a",
    { class: "row", href: `#/case/${encodeURIComponent(D.ids[c])}` },
    el("span", { class: "marks" }, marks),
    el("span", { class: "clause" }, wordOf("clause", c)),
    el("span", { class: "op" }, operation, parameters ? el("small", null, ` ${parameters}`) : ""),
    el("span", { class: "kind" }, kind),
    el("span", { class: "msg" }, worstMessage(c)),
  );
  return el("li", { "aria-setsize": LIST.hits.length, "aria-posinset": at + 1 }, anchor);
}

/** The message of the first backend that is not well; of the first that said anything, if all are. */
function worstMessage(c) {
  let other = "";
  for (const columns of D.results) {
    const message = D.words.message[columns.message[c]];
    if (message && D.isWrong[columns.outcome[c]]) return message;
    other ||= message;
  }
  return other;
}

function drawFacets() {
  const chosen = new Map(
    parse(LIST.query)
      .filter((it) => !it.not)
      .map((it) => [it.key, it.values.map((v) => v.toLowerCase())]),
  );
  const groups = FACETS.filter((name) => D.words[name].length > 1).map((name) =>
    facetGroup(name, chosen.get(name) || []),
  );
  $("facet-groups").replaceChildren(...groups.filter(Boolean));
}

function facetGroup(name, chosen) {
  const words = D.words[name];
  const counts = LIST.counts[name];
  const isChosen = (code) => chosen.includes(words[code].toLowerCase());
  const codes = [...words.keys()].filter(
    (code) => (counts[code] || isChosen(code)) && (name !== "cause" || words[code]),
  );
  if (!codes.length) return null;
  const byCount = name === "operation" || name === "cause";
  if (byCount) codes.sort((a, b) => counts[b] - counts[a] || words[a].localeCompare(words[b]));
  const most = name === "cause" ? MOST_CAUSES : MOST_VALUES;
  const more = codes.length - most;
  return el(
    "fieldset",
    null,
    el("legend", null, name),
    codes.slice(0, most).map((code) => facetValue(name, words[code], counts[code], isChosen(code))),
    more > 0 ? el("p", { class: "quiet" }, `${more} more: type ${name}:`) : "",
  );
}

function facetValue(name, value, count, chosen) {
  const label = name === "outcome" ? `${GLYPH[value]} ${WORD[value] || value}` : value || "none";
  return el(
    "button",
    {
      type: "button",
      class: `value ${name === "outcome" ? `o-${value}` : name}`,
      "aria-pressed": String(chosen),
      onclick: () => {
        const query = toggled($("query").value, name, value);
        $("query").value = query;
        typed(query);
        [...document.querySelectorAll("#facet-groups button")]
          .find((it) => it.dataset.value === `${name}:${value}`)
          ?.focus();
      },
      "data-value": `${name}:${value}`,
    },
    el("span", null, label),
    el("span", { class: "n" }, counted(count)),
  );
}
