// The atlas: where no answer is wrong, what each library answers.

const ATLAS = { rows: null, shown: [], view: null, text: "", differ: false };

async function atlasRows() {
  ATLAS.rows ||= (await unpack("atlas")).map(([c, point, answers]) => ({
    c,
    point,
    answers,
    differ: differing(answers),
  }));
  return ATLAS.rows;
}

/** Tell whether those who answered disagree. A zero with a sign is no other gradient than one without. */
function differing(answers) {
  const given = answers.filter((it) => it !== null).map((it) => it.replace(/-0\.0(?!\d)/g, "0.0"));
  return new Set(given).size > 1;
}

async function drawAtlas(query) {
  await atlasRows();
  ATLAS.differ = /\bis:different\b/.test(query);
  ATLAS.text = query.replace(/\bis:different\b/, "").trim();
  if (!ATLAS.view) buildAtlas();
  $("atlas-differ").checked = ATLAS.differ;
  if (document.activeElement !== $("atlas-query")) $("atlas-query").value = ATLAS.text;
  filterAtlas();
}

function buildAtlas() {
  const changed = () => {
    const query = `${$("atlas-query").value} ${$("atlas-differ").checked ? "is:different" : ""}`.trim();
    history.replaceState(null, "", link("atlas", query));
    ATLAS.text = $("atlas-query").value.trim();
    ATLAS.differ = $("atlas-differ").checked;
    filterAtlas();
  };
  const box = el("ul", { class: "rows", id: "atlas-rows" });
  $("atlas").replaceChildren(
    el("h1", null, "Atlas of conventions"),
    el(
      "p",
      { class: "lead" },
      "Points at which more than one answer is right, or none is wrong. Rows in which the backends differ are marked ≠.",
    ),
    el(
      "div",
      { class: "ask" },
      el("label", { for: "atlas-query", class: "offstage" }, "Search the atlas"),
      el("input", {
        id: "atlas-query",
        type: "search",
        placeholder: "operation or point",
        spellcheck: "false",
        oninput: changed,
      }),
      el(
        "label",
        { class: "check" },
        el("input", { id: "atlas-differ", type: "checkbox", onchange: changed }),
        " only where they differ",
      ),
    ),
    el("p", { class: "found", id: "atlas-found" }),
    el(
      "div",
      { class: "atlas-table" },
      el(
        "div",
        { class: "row heads", "aria-hidden": "true" },
        el("span", { class: "op" }, "Operation"),
        el("span", { class: "point" }, "Point"),
        D.examined.map((s) => el("span", { class: "answer" }, D.subjects[s].name)),
      ),
      box,
    ),
  );
  ATLAS.view = new VirtualList(box, atlasRow);
}

function filterAtlas() {
  const words = ATLAS.text.toLowerCase().split(/\s+/).filter(Boolean);
  ATLAS.shown = ATLAS.rows.filter((row) => {
    if (ATLAS.differ && !row.differ) return false;
    const text =
      `${wordOf("operation", row.c)} ${wordOf("dtype", row.c)} ${wordOf("clause", row.c)} ${row.point}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  ATLAS.view.show(ATLAS.shown.length);
  const differ = ATLAS.shown.filter((row) => row.differ).length;
  const text = ATLAS.rows.length
    ? `${counted(ATLAS.shown.length)} points; the backends differ at ${counted(differ)}`
    : "No conventions were recorded in this run.";
  $("atlas-found").textContent = text;
  say(text);
}

function atlasRow(at) {
  const { c, point, answers, differ } = ATLAS.shown[at];
  return el(
    "li",
    { "aria-setsize": ATLAS.shown.length, "aria-posinset": at + 1 },
    el(
      "a",
      { class: `row ${differ ? "differ" : ""}`, href: `#/case/${encodeURIComponent(D.ids[c])}` },
      el(
        "span",
        { class: "op" },
        differ ? "≠ " : "",
        wordOf("operation", c) || wordOf("clause", c),
        el("small", null, ` ${wordOf("dtype", c)}`),
      ),
      el("span", { class: "point", title: point }, point),
      D.examined.map((s) => answerOf(s, c, answers[s])),
    ),
  );
}

/** The answer of a backend, marked where it breaks the clause; without an answer, what became of the case. */
function answerOf(s, c, answer) {
  const outcome = outcomeOf(s, c);
  const broken = D.isWrong[D.results[s].outcome[c]];
  const text = answer ?? (outcome === "pass" ? "–" : `${GLYPH[outcome]} ${WORD[outcome] || outcome}`);
  return el(
    "span",
    { class: `answer ${answer === null ? "quiet" : ""}`, "data-name": D.subjects[s].name, title: text },
    text,
    answer !== null && broken ? [" ", el("span", { class: `o-${outcome}` }, `${GLYPH[outcome]} ${outcome}`)] : "",
  );
}
