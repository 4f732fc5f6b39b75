// The comparison: two runs of the report side by side, what got worse first. Both are chosen in the address.

const KINDS = {
  worse: ["▼", "worse"],
  better: ["▲", "better"],
  other: ["◆", "changed otherwise"],
  convention: ["≠", "convention"],
  unknown: ["·", "not run in one"],
  old: ["−", "old run alone"],
  new: ["+", "new run alone"],
};
const COMPARE = { view: null, rows: [], shown: [], pair: "", old: 0, new: 0, kind: "" };

async function drawCompare(names, kind) {
  const rows = await atlasRows();
  const numbers = names.map((name) => D.examined.find((s) => D.subjects[s].name === name));
  const [old, young] = numbers.length === 2 && !numbers.includes(undefined) ? numbers : usualPair();
  if (old === undefined || young === undefined) {
    $("compare").replaceChildren(
      el("h1", null, "Comparison"),
      el("p", { class: "lead" }, "This report has one run. With the journal of a second one, the two stand here."),
    );
    return;
  }
  Object.assign(COMPARE, { old, new: young, kind: KINDS[kind] ? kind : "" });
  const pair = `${old} ${young}`;
  if (COMPARE.pair !== pair) {
    Object.assign(COMPARE, { pair, rows: compareRuns(old, young, rows) });
    buildCompare();
  }
  filterCompare();
}

/** Two versions of one backend if there are any, else the first two backends. */
function usualPair() {
  for (const old of D.examined) {
    const young = D.examined.find((s) => s > old && D.subjects[s].backend === D.subjects[old].backend);
    if (young !== undefined) return [old, young];
  }
  return D.examined;
}

function compareRuns(old, young, points) {
  const rows = [];
  for (let c = 0; c < D.n; c++) {
    const kind = kindOf(outcomeOf(old, c), outcomeOf(young, c));
    if (kind) rows.push({ kind, c });
  }
  for (const { c, point, answers } of points) {
    if (differing([answers[old], answers[young]])) rows.push({ kind: "convention", c, point, answers });
  }
  const order = Object.keys(KINDS);
  const rank = ({ kind, c }) => 2 * order.indexOf(kind) + (kind === "worse" && outcomeOf(old, c) !== "pass");
  return rows.sort((a, b) => rank(a) - rank(b) || a.c - b.c);
}

/** What a change of outcome is. A run that was cut short before a case cannot tell. */
function kindOf(before, after) {
  const wrong = (outcome) => D.isWrong[D.outcomes.indexOf(outcome)];
  if (before === after) return "";
  if (before === "absent") return "new";
  if (after === "absent") return "old";
  if (before === "notrun" || after === "notrun") return "unknown";
  if (wrong(after) && !wrong(before)) return "worse";
  return after === "pass" ? "better" : "other";
}

function compareLink(old, young, kind) {
  const names = [old, young].map((s) => encodeURIComponent(D.subjects[s].name));
  return link(`compare/${names.join("/")}`, kind);
}

function buildCompare() {
  const box = el("ul", { class: "rows", id: "compare-rows" });
  const ends = [COMPARE.old, COMPARE.new];
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
      "What is another outcome or another convention in the new run. Worse is a case that is wrong and was not.",
    ),
    el("div", { class: "ask" }, runChoice("old", "Old run"), runChoice("new", "New run")),
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
        const ends = { old: COMPARE.old, new: COMPARE.new, [end]: Number(choice.value) };
        location.hash = compareLink(ends.old, ends.new, COMPARE.kind);
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
  const kinds = Object.keys(KINDS).filter(
    (kind) => kind === COMPARE.kind || COMPARE.rows.some((it) => it.kind === kind),
  );
  $("compare-kinds").replaceChildren(...(kinds.length ? ["", ...kinds].map(kindChoice) : []));
  if (focused !== undefined) $("compare-kinds").querySelector(`[data-kind="${focused}"]`)?.focus();
  const worse = COMPARE.rows.filter(({ kind }) => kind === "worse").length;
  const text = COMPARE.rows.length
    ? `${counted(COMPARE.rows.length)} differences; ${worse ? counted(worse) : "none"} for the worse`
    : "Every case that both runs were asked has the same outcome, and every convention is the same.";
  $("compare-found").textContent = text;
  say(text);
}

function kindChoice(kind) {
  const count = COMPARE.rows.filter((row) => !kind || row.kind === kind).length;
  const [glyph, word] = KINDS[kind] || ["", "all"];
  return el(
    "button",
    {
      class: `button small ${kind}`,
      type: "button",
      "aria-pressed": String(kind === COMPARE.kind),
      "data-kind": kind,
      onclick: () => {
        COMPARE.kind = kind;
        history.replaceState(null, "", compareLink(COMPARE.old, COMPARE.new, kind));
        filterCompare();
      },
    },
    `${glyph} ${word} ${counted(count)}`.trim(),
  );
}

function compareRow(at) {
  const { kind, c, point, answers } = COMPARE.shown[at];
  const ends = [COMPARE.old, COMPARE.new];
  const messages = ends.map((s) => [D.isWrong[D.results[s].outcome[c]], D.words.message[D.results[s].message[c]]]);
  const message = messages.reverse().find(([wrong, text]) => wrong && text)?.[1] || messages[0][1];
  const news = point ? `${point}: ${ends.map((s) => answers[s]).join(" → ")}` : message;
  const parameters = wordOf("parameters", c);
  const anchor = el(
    "a",
    { class: `row ${kind === "worse" ? "differ" : ""}`, href: `#/case/${encodeURIComponent(D.ids[c])}` },
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
    el("span", { class: "msg", title: news }, el("b", null, KINDS[kind].join(" ")), news && ` · ${news}`),
  );
  return el("li", { "aria-setsize": COMPARE.shown.length, "aria-posinset": at + 1 }, anchor);
}
