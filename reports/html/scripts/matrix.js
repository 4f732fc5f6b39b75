// The matrix: chapters, clauses and, folded out, operations; one column a backend. A cell shows its share with
// its denominator. It is never coloured by its worst case: with hundreds of cases every cell would be alarming.

const MOST_ROWS = 60; // operations shown below one clause; the rest is one click away in the list
const NODE_BUDGET = 900; // elements that the matrix starts with; chapters that do not fit start folded

const MATRIX = { view: null };

/** Count outcomes of the cases that `group` puts in groups 0, 1, ..., or leaves out with -1; `known` counts some again. */
function countBy(groups, group) {
  const width = D.outcomes.length + 1;
  const known = D.standings.indexOf("known");
  const counts = () => Object.assign(new Uint32Array(width), { known: new Uint32Array(width) });
  const table = Array.from({ length: groups }, () => D.results.map(counts));
  for (let c = 0; c < D.n; c++) {
    const g = group(c);
    if (g < 0) continue;
    for (let s = 0; s < D.results.length; s++) {
      const { outcome, standing } = D.results[s];
      table[g][s][outcome[c]]++;
      if (standing[c] === known) table[g][s].known[outcome[c]]++;
    }
  }
  return table;
}

function ranOf(counts) {
  return D.ran.reduce((sum, ran, code) => sum + (ran ? counts[code] : 0), 0);
}

function badges(counts) {
  const found = [];
  for (let code = 1; code < D.outcomes.length; code++) {
    const outcome = D.outcomes[code];
    if (!counts[code]) continue;
    const known = counts.known[code] ? ` (${counted(counts.known[code])} known)` : "";
    const text = `${GLYPH[outcome]} ${counted(counts[code])} ${WORD[outcome] || outcome}${known}`;
    found.push(el("span", { class: `badge o-${outcome}` }, text));
  }
  return found;
}

function cell(counts, query, subject) {
  if (D.subjects[subject].problem) return el("td", { class: "cell" }, el("span", { class: "quiet" }, "no result"));
  const asked = counts.reduce((sum, count, code) => sum + (code < D.absent ? count : 0), 0);
  if (!asked) return el("td", { class: "cell" }, el("span", { class: "quiet" }, "not asked"));
  const ran = ranOf(counts);
  const name = D.subjects[subject].name;
  const body = ran
    ? [el("b", null, share(counts[0], ran)), " ", el("small", null, `${counted(counts[0])}/${counted(ran)}`)]
    : [el("span", { class: "quiet" }, "none ran")];
  const anchor = el(
    "a",
    { href: link("list", `${query} backend:${quote(name)}`) },
    el("span", { class: "share" }, body),
    " ",
    badges(counts),
  );
  anchor.style.setProperty("--held", ran ? `${(100 * counts[0]) / ran}%` : "0%");
  if (!ran) anchor.classList.add("empty");
  return el("td", { class: "cell" }, anchor);
}

function quote(value) {
  return /[\s,":]/.test(value) || !value ? `"${value}"` : value;
}

function drawMatrix() {
  const chapters = D.words.chapter.map((title, code) => ({ title, code, clauses: [] }));
  const chapterOf = new Map();
  for (let c = 0; c < D.n; c++) chapterOf.set(D.cases.clause[c], D.cases.chapter[c]);
  for (const [clause, chapter] of chapterOf) chapters[chapter].clauses.push(clause);
  const byChapter = countBy(chapters.length, (c) => D.cases.chapter[c]);
  const byClause = countBy(D.words.clause.length, (c) => D.cases.clause[c]);
  const head = el(
    "tr",
    null,
    el("th", { scope: "col" }, "Clause"),
    D.subjects.map(({ name }) => el("th", { scope: "col" }, name)),
  );
  const table = el(
    "table",
    { class: "matrix" },
    el("caption", { class: "offstage" }, "Share of cases that hold, by clause and backend"),
    el("thead", null, head),
  );
  table.style.minWidth = `${11 + 8.5 * D.subjects.length}rem`;
  if (D.subjects.length > 4) table.classList.add("narrow");
  let room = NODE_BUDGET;
  const bodies = chapters.map((chapter) => chapterBody(chapter, byChapter[chapter.code], byClause));
  for (const body of bodies) room -= body.querySelectorAll("*").length;
  for (const body of bodies) {
    if (room > 0) body.querySelector("button").click();
    room -= body.querySelectorAll("tr:not(.chapter), tr:not(.chapter) *").length;
  }
  table.append(...bodies);
  MATRIX.view = el(
    "div",
    null,
    el("h2", null, "Matrix"),
    el(
      "p",
      null,
      "Share of the cases that ran and hold. Unfold a clause into its operations; follow a cell to its cases.",
    ),
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Matrix" }, table),
  );
}

function chapterBody(chapter, counts, byClause) {
  const body = el("tbody", null);
  const button = fold(chapter.title, (opens) => {
    while (body.rows.length > 1) body.deleteRow(1);
    if (opens) body.append(...chapter.clauses.map((clause) => clauseRow(clause, byClause[clause])));
  });
  const query = `chapter:${quote(chapter.title)}`;
  body.append(
    el(
      "tr",
      { class: "chapter" },
      el(
        "th",
        { scope: "row" },
        button,
        " ",
        el("small", null, chapter.clauses.length === 1 ? "1 clause" : `${chapter.clauses.length} clauses`),
      ),
      counts.map((it, s) => cell(it, query, s)),
    ),
  );
  return body;
}

function fold(title, act) {
  const button = el("button", { class: "fold", type: "button", "aria-expanded": "false" }, title);
  button.addEventListener("click", () => {
    const opens = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(opens));
    act(opens, button);
  });
  return button;
}

function clauseRow(clause, counts) {
  const id = D.words.clause[clause];
  const { level, text } = D.clauses[clause];
  const button = fold(id, (opens) => {
    closeOperations(opens ? button : null);
    if (opens) row.after(...operationRows(clause));
  });
  button.classList.add("clause");
  const row = el(
    "tr",
    null,
    el(
      "th",
      { scope: "row" },
      button,
      " ",
      el("small", { class: "level" }, level),
      el("span", { class: "sentence" }, text),
    ),
    counts.map((it, s) => cell(it, `clause:${quote(id)}`, s)),
  );
  return row;
}

/** Close what is folded out: one clause at a time, so that the page stays small. */
function closeOperations(except) {
  for (const row of document.querySelectorAll("tr.operation")) row.remove();
  for (const button of document.querySelectorAll("button.clause[aria-expanded=true]")) {
    if (button !== except) button.setAttribute("aria-expanded", "false");
  }
}

function operationRows(clause) {
  const operations = D.words.operation;
  const table = countBy(operations.length, (c) => (D.cases.clause[c] === clause ? D.cases.operation[c] : -1));
  const wrong = (code) => table[code].reduce((sum, counts) => sum + ranOf(counts) - counts[0], 0);
  const present = operations
    .map((_, code) => code)
    .filter((code) => table[code].some((counts) => counts.some((count, it) => it < D.absent && count)));
  present.sort((a, b) => wrong(b) - wrong(a) || operations[a].localeCompare(operations[b]));
  const id = quote(D.words.clause[clause]);
  const rows = present.slice(0, MOST_ROWS).map((code) =>
    el(
      "tr",
      { class: "operation" },
      el("th", { scope: "row" }, operations[code] || "no single operation"),
      table[code].map((counts, s) => cell(counts, `clause:${id} op:${quote(operations[code])}`, s)),
    ),
  );
  if (present.length > MOST_ROWS) {
    const rest = el(
      "a",
      { href: link("list", `clause:${id}`) },
      `${present.length - MOST_ROWS} more operations in the list`,
    );
    rows.push(el("tr", { class: "operation" }, el("th", { scope: "row", colspan: D.subjects.length + 1 }, rest)));
  }
  return rows;
}
