// The comparison: two runs of the report side by side. Of one library the second is news; of two neither is, and what
// differs stands under their names. Both are chosen in the address.

const COMPARE = { view: null, rows: [], shown: [], pair: "", first: 0, second: 0, kinds: {}, kind: "" };

/** The kinds of differences of two runs, in their order: each a glyph and words. */
function kindsOf(first, second) {
  const names = [first, second].map((s) => D.subjects[s].name);
  const named = (text) => text.replace("{0}", names[0]).replace("{1}", names[1]);
  const words = libraries(first, second) ? names.map((name) => `asked of ${name} alone`) : ["old run alone", "new run alone"];
  const changes = D.kinds[libraries(first, second) ? "libraries" : "versions"];
  return {
    ...Object.fromEntries(Object.entries(changes).map(([kind, [glyph, text]]) => [kind, [glyph, named(text)]])),
    convention: ["≠", "convention"],
    unknown: ["·", "not run in one"],
    only_first: ["−", words[0]],
    only_second: ["+", words[1]],
  };
}

function libraries(first, second) {
  return D.subjects[first].backend !== D.subjects[second].backend;
}

async function drawCompare(names, kind) {
  const rows = await atlasRows();
  const numbers = names.map((name) => D.examined.find((s) => D.subjects[s].name === name));
  const [first, second] = numbers.length === 2 && !numbers.includes(undefined) ? numbers : usualPair();
  if (first === undefined || second === undefined) {
    $("compare").replaceChildren(
      el("h1", null, "Comparison"),
      el("p", { class: "lead" }, "This report has one run. With the journal of a second one, the two stand here."),
    );
    return;
  }
  const kinds = kindsOf(first, second);
  Object.assign(COMPARE, { first, second, kinds, kind: kinds[kind] ? kind : "" });
  const pair = `${first} ${second}`;
  if (COMPARE.pair !== pair) {
    Object.assign(COMPARE, { pair, rows: compareRuns(first, second, rows) });
    buildCompare();
  }
  filterCompare();
}

/** Two versions of one backend if there are any, else the first two backends. */
function usualPair() {
  for (const first of D.examined) {
    const second = D.examined.find((s) => s > first && !libraries(first, s));
    if (second !== undefined) return [first, second];
  }
  return D.examined;
}

function compareRuns(first, second, points) {
  const rows = [];
  const kinds = Object.keys(COMPARE.kinds);
  for (let c = 0; c < D.n; c++) {
    const kind = kindOf(kinds, outcomeOf(first, c), outcomeOf(second, c), libraries(first, second));
    if (kind) rows.push({ kind, c });
  }
  for (const { c, point, answers } of points) {
    if (differing([answers[first], answers[second]])) rows.push({ kind: "convention", c, point, answers });
  }
  const rank = ({ kind, c }) => D.words.level.length * kinds.indexOf(kind) + D.cases.level[c];
  return rows.sort((a, b) => rank(a) - rank(b) || a.c - b.c);
}

/** What two outcomes are to each other, one of the kinds, or nothing. A run that was cut short cannot tell. */
function kindOf(kinds, before, after, twoLibraries) {
  const wrong = (outcome) => D.isWrong[D.outcomes.indexOf(outcome)];
  if (before === after) return "";
  if (before === "absent") return "only_second";
  if (after === "absent") return "only_first";
  if (before === "notrun" || after === "notrun") return "unknown";
  if (wrong(after) && before === "pass") return kinds[0];
  if (wrong(after) && before === "unsupported") return kinds[1];
  if (twoLibraries && wrong(before) && after === "unsupported") return kinds[1];
  return wrong(before) && after === "pass" ? kinds[2] : kinds[3];
}

function compareLink(first, second, kind) {
  const names = [first, second].map((s) => encodeURIComponent(D.subjects[s].name));
  return link(`compare/${names.join("/")}`, kind);
}

function buildCompare() {
  const box = el("ul", { class: "rows", id: "compare-rows" });
  const ends = [COMPARE.first, COMPARE.second];
  const heads = el(
    "div",
    { class: "row heads", "aria-hidden": "true" },
    el(
      "span",
      { class: "marks" },
      ends.map((s) => el("span", { class: "mark", title: D.subjects[s].name }, D.subjects[s].name)),
    ),
    el("span", { class: "clause" }, "Clause"),
    el("span", { class: "op" }, "Operation"),
    el("span", { class: "kind" }, "dtype, mode"),
  );
  $("compare").replaceChildren(
    el("h1", null, "Comparison"),
    el(
      "p",
      { class: "lead" },
      libraries(...ends)
        ? "Two libraries, case by case. Neither is the measure of the other."
        : "One library at two times. A case broke that was right and is wrong; what was not offered before, and is wrong, broke nothing.",
    ),
    el("div", { class: "ask" }, runChoice("first", "First"), runChoice("second", "Second")),
    el("div", { class: "kinds", id: "compare-kinds", role: "group", "aria-label": "Kinds of change" }),
    el("p", { class: "found", id: "compare-found" }),
    el("div", { class: "results compared" }, heads, box),
  );
  COMPARE.view = new VirtualList(box, compareRow);
}

function runChoice(end, title) {
  const choice = el(
    "select",
    {
      id: `compare-${end}`,
      onchange: () => {
        const ends = { first: COMPARE.first, second: COMPARE.second, [end]: Number(choice.value) };
        location.hash = compareLink(ends.first, ends.second, COMPARE.kind);
      },
    },
    D.examined.map((s) => el("option", { value: s, selected: COMPARE[end] === s }, D.subjects[s].name)),
  );
  return el("label", { class: "check" }, title, choice);
}

function filterCompare() {
  COMPARE.shown = COMPARE.rows.filter(({ kind }) => !COMPARE.kind || kind === COMPARE.kind);
  COMPARE.view.show(COMPARE.shown.length);
  const focused = document.activeElement?.dataset?.kind;
  const kinds = Object.keys(COMPARE.kinds).filter(
    (kind) => kind === COMPARE.kind || COMPARE.rows.some((it) => it.kind === kind),
  );
  $("compare-kinds").replaceChildren(...(kinds.length ? ["", ...kinds].map(kindChoice) : []));
  if (focused !== undefined) $("compare-kinds").querySelector(`[data-kind="${focused}"]`)?.focus();
  const text = COMPARE.rows.length
    ? `${counted(COMPARE.rows.length)} differences`
    : "Every case that both runs were asked has the same outcome, and every convention is the same.";
  $("compare-found").textContent = text;
  say(text);
}

function kindChoice(kind) {
  const count = COMPARE.rows.filter((row) => !kind || row.kind === kind).length;
  const [glyph, word] = COMPARE.kinds[kind] || ["", "all"];
  return el(
    "button",
    {
      class: `button small ${kind}`,
      type: "button",
      "aria-pressed": String(kind === COMPARE.kind),
      "data-kind": kind,
      onclick: () => {
        COMPARE.kind = kind;
        history.replaceState(null, "", compareLink(COMPARE.first, COMPARE.second, kind));
        filterCompare();
      },
    },
    `${glyph} ${word} ${counted(count)}`.trim(),
  );
}

function compareRow(at) {
  const { kind, c, point, answers } = COMPARE.shown[at];
  const ends = [COMPARE.first, COMPARE.second];
  const messages = ends.map((s) => [D.isWrong[D.results[s].outcome[c]], D.words.message[D.results[s].message[c]]]);
  const message = messages.reverse().find(([wrong, text]) => wrong && text)?.[1] || messages[0][1];
  const news = point ? `${point}: ${ends.map((s) => answers[s]).join(libraries(...ends) ? " | " : " → ")}` : message;
  const parameters = wordOf("parameters", c);
  const anchor = el(
    "a",
    { class: `row ${kind === "broke" || kind === "offered" ? "differ" : ""}`, href: `#/case/${encodeURIComponent(D.ids[c])}` },
    el(
      "span",
      { class: "marks" },
      ends.map((s) => mark(outcomeOf(s, c), D.subjects[s].name)),
    ),
    el("span", { class: "clause" }, wordOf("clause", c)),
    el(
      "span",
      { class: "op" },
      wordOf("operation", c) || "no single operation",
      parameters && el("small", null, ` ${parameters}`),
    ),
    el("span", { class: "kind" }, [wordOf("dtype", c), wordOf("mode", c)].filter(Boolean).join(" · ")),
    el("span", { class: "msg", title: news }, el("b", null, COMPARE.kinds[kind].join(" ")), news && ` · ${news}`),
  );
  return el("li", { "aria-setsize": COMPARE.shown.length, "aria-posinset": at + 1 }, anchor);
}
