"use strict";
// The data: packed in the page as gzip and base64, unpacked when first asked for.

const $ = (id) => document.getElementById(id);
const unpacked = new Map();

/** Return the content of a chunk as a promise; a chunk is unpacked once. */
function unpack(name) {
  if (!unpacked.has(name)) unpacked.set(name, read(name));
  return unpacked.get(name);
}

async function read(name) {
  const letters = $(`chunk-${name}`).textContent.trim();
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(letters) : fromBase64(letters);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function fromBase64(letters) {
  const text = atob(letters);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// D is the index: one entry per case in each column, one column per subject and property.
const D = {};
const NO_RAN = new Set(["unsupported", "inconclusive", "invalid", "notrun"]);
const GLYPH = {
  pass: "✓",
  fail: "✕",
  error: "!",
  crash: "✸",
  timeout: "◷",
  invalid: "⊘",
  inconclusive: "?",
  unsupported: "–",
  notrun: "·",
  absent: " ",
};
const WORD = { notrun: "not run", absent: "not asked" };

async function loadIndex() {
  Object.assign(D, await unpack("index"));
  D.n = D.ids.length;
  for (const name in D.cases) D.cases[name] = Uint32Array.from(D.cases[name]);
  for (const columns of D.results) {
    columns.outcome = Uint8Array.from(columns.outcome);
    columns.standing = Uint8Array.from(columns.standing);
    for (const name of ["message", "expectation", "stability"]) columns[name] = Uint32Array.from(columns[name]);
  }
  D.absent = D.outcomes.length;
  D.ran = D.outcomes.map((outcome) => !NO_RAN.has(outcome));
  D.isWrong = D.ran.map((ran, code) => ran && D.outcomes[code] !== "pass");
  D.words.level = ["MUST", "SHOULD", "INFO"];
  D.words.backend = D.subjects.map((subject) => subject.name);
  D.words.outcome = D.outcomes;
  const level = D.clauses.map((clause) => D.words.level.indexOf(clause.level));
  D.cases.level = Uint8Array.from(D.cases.clause, (clause) => level[clause]);
  nameCauses();
  D.examined = D.subjects.map((_, s) => s).filter((s) => !D.subjects[s].problem);
  document.documentElement.style.setProperty("--backends", D.examined.length);
  const brief = D.examined.every((s) => D.subjects[s].name.length < 10); // two to a line on a narrow screen
  document.documentElement.style.setProperty("--pairs", brief ? Math.ceil(D.examined.length / 2) : D.examined.length);
  D.number = new Map(D.ids.map((id, number) => [id, number]));
  compareSubjects();
}

/** Group messages that differ in their numbers alone: what went wrong in the same way has one cause. */
function nameCauses() {
  const numbers = new Map([["", 0]]);
  const codes = D.words.message.map((message) => {
    const cause = message
      .replace(/[-+]?\b\d[\d.]*(?:e[-+]?\d+)?\b/gi, "#")
      .replaceAll('"', "'")
      .slice(0, 160);
    if (!numbers.has(cause)) numbers.set(cause, numbers.size);
    return numbers.get(cause);
  });
  D.words.cause = [...numbers.keys()];
  for (const columns of D.results) {
    columns.cause = Uint32Array.from(columns.message, (code, c) => (D.isWrong[columns.outcome[c]] ? codes[code] : 0));
  }
}

/** Note for each case whether the backends differ, and whether exactly one of them is wrong. */
function compareSubjects() {
  D.different = new Uint8Array(D.n);
  D.oneFails = new Uint8Array(D.n);
  for (let c = 0; c < D.n; c++) {
    let first = -1,
      wrong = 0,
      right = 0;
    for (const { outcome } of D.results) {
      const code = outcome[c];
      if (code === D.absent) continue;
      if (first < 0) first = code;
      else if (code !== first) D.different[c] = 1;
      if (D.isWrong[code]) wrong++;
      else if (code === 0) right++;
    }
    D.oneFails[c] = wrong === 1 && right > 0;
  }
}

/** Return the name of the outcome of a case on a subject. */
function outcomeOf(subject, c) {
  const code = D.results[subject].outcome[c];
  return code === D.absent ? "absent" : D.outcomes[code];
}

/** Return what a result is to one who knows the known failures: new, known, fixed, or nothing. */
function standingOf(subject, c) {
  return D.standings[D.results[subject].standing[c]];
}

/** Return a word of a case: its operation, its dtype, the id of its clause. */
function wordOf(name, c) {
  return D.words[name][D.cases[name][c]];
}

async function evidenceOf(subject, c) {
  const number = D.results[subject].evidence[c];
  if (number < 0) return null;
  let chunk = D.starts.length - 1;
  while (D.starts[chunk] > number) chunk--;
  return (await unpack(`evidence-${chunk}`))[number - D.starts[chunk]];
}
