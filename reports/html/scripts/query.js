// The query: text such as `backend:torch outcome:fail op:matmul -dtype:float16 broadcast`.
// Facets are buttons that edit this text, so that there is one state and it can be sent to a friend.

const CASE_FACETS = ["chapter", "clause", "operation", "dtype", "mode", "level"];
const ALIAS = { op: "operation", case: "clause" };
const TOKEN = /(-?)(?:([a-z]+):)?((?:"[^"]*"|[^\s",]+)(?:,(?:"[^"]*"|[^\s",]+))*)/gi;
const PROPERTIES = ["new", "known", "fixed", "different", "one-fails", "flaky"];

/** Parse a query into its tokens: {not, key, values}. A word without a key is looked for in every text. */
function parse(query) {
  return [...query.matchAll(TOKEN)].map(([, not, key, values]) => {
    const name = (key || "").toLowerCase();
    if (!name && values === "one-fails") return { not: !!not, key: "is", values: [values] };
    return {
      not: !!not,
      key: ALIAS[name] || name,
      values: values.match(/"[^"]*"|[^",]+/g).map((v) => v.replaceAll('"', "")),
    };
  });
}

function unparse(tokens) {
  const quoted = (value) => (/[\s,":]/.test(value) || !value ? `"${value}"` : value);
  const short = { operation: "op" };
  return tokens
    .map(
      ({ not, key, values }) => (not ? "-" : "") + (key ? `${short[key] || key}:` : "") + values.map(quoted).join(","),
    )
    .join(" ");
}

/** Return the query with a value of a key added, or taken out. */
function toggled(query, key, value) {
  const tokens = parse(query);
  const token = tokens.find((it) => it.key === key && !it.not);
  if (!token) return unparse([...tokens, { not: false, key, values: [value] }]);
  const same = (it) => it.toLowerCase() === value.toLowerCase();
  if (token.values.some(same)) token.values = token.values.filter((it) => !same(it));
  else token.values.push(value);
  return unparse(tokens.filter((it) => it.values.length));
}

/** Tell which words of a dictionary a value means: the one of that name, else all that contain it. */
function meant(words, value) {
  const lower = value.toLowerCase();
  const exact = words.findIndex((word) => word.toLowerCase() === lower);
  if (exact >= 0) return [exact];
  return lower ? words.flatMap((word, code) => (word.toLowerCase().includes(lower) ? [code] : [])) : [];
}

/** Compile tokens: a table of allowed codes for each facet, a list of tables for each free word. */
function compile(query) {
  const plan = { allowed: {}, texts: [], is: [], unknown: [] };
  for (const { not, key, values } of parse(query)) {
    if (!key) plan.texts.push({ not, tables: textTables(values.join(",")) });
    else if (key === "is") {
      plan.is.push({ not, values });
      plan.unknown.push(...values.filter((value) => !PROPERTIES.includes(value)).map((value) => `is:${value}`));
    } else if (D.words[key] && key !== "message") allow(plan, key, values, not);
    else plan.unknown.push(`${key}:`);
  }
  return plan;
}

function allow(plan, key, values, not) {
  const words = D.words[key];
  const codes = values.flatMap((value) => {
    const found = meant(words, value);
    if (!found.length) plan.unknown.push(`${key}:${value}`);
    return found;
  });
  const table = new Uint8Array(words.length + 1).fill(not ? 1 : 0);
  for (const code of codes) table[code] = not ? 0 : 1;
  const before = plan.allowed[key];
  plan.allowed[key] = before ? table.map((bit, code) => bit & before[code]) : table;
}

function textTables(text) {
  const lower = text.toLowerCase();
  const contains = (words) => Uint8Array.from(words, (word) => (word.toLowerCase().includes(lower) ? 1 : 0));
  const clauses = D.clauses.map((clause, code) => `${D.words.clause[code]} ${clause.text}`);
  const tables = [[D.cases.clause, contains(clauses)]];
  for (const name of ["chapter", "operation", "dtype", "mode", "parameters"])
    tables.push([D.cases[name], contains(D.words[name])]);
  const messages = contains(D.words.message);
  for (const columns of D.results) tables.push([columns.message, messages]);
  return tables;
}

function holdsIs(value, c, subject) {
  const columns = D.results[subject];
  if (value === "different") return D.different[c] === 1;
  if (value === "one-fails") return D.oneFails[c] === 1;
  if (D.standings.includes(value)) return standingOf(subject, c) === value;
  return value === "flaky" && columns.stability[c] > 0;
}

const BACKEND = 1,
  OUTCOME = 2,
  OTHER = 4,
  CAUSE = 8;

/** Bits for what refuses a result: its backend, its outcome, or a property asked for. */
function refusedResult(plan, c, subject) {
  const code = D.results[subject].outcome[c];
  if (code === D.absent) return OTHER;
  let bits = 0;
  if (plan.allowed.backend && !plan.allowed.backend[subject]) bits |= BACKEND;
  if (plan.allowed.outcome && !plan.allowed.outcome[code]) bits |= OUTCOME;
  if (plan.allowed.cause && !plan.allowed.cause[D.results[subject].cause[c]]) bits |= CAUSE;
  for (const { not, values } of plan.is) if (values.some((value) => holdsIs(value, c, subject)) === not) bits |= OTHER;
  return bits;
}

function refusedText(plan, c) {
  return plan.texts.some(({ not, tables }) => tables.some(([column, table]) => table[column[c]]) === not);
}

/** Run a query. A facet's counts leave its own choice out, so that one sees what else could be chosen. */
function search(query) {
  const plan = compile(query);
  const tables = CASE_FACETS.map((name) => plan.allowed[name]);
  const columns = CASE_FACETS.map((name) => D.cases[name]);
  const counts = {};
  for (const name of [...CASE_FACETS, "backend", "outcome", "cause"])
    counts[name] = new Uint32Array(D.words[name].length);
  const hits = [];
  const refused = new Uint8Array(D.results.length);
  for (let c = 0; c < D.n; c++) {
    let only = -1,
      misses = 0;
    for (let f = 0; f < tables.length; f++)
      if (tables[f] && !tables[f][columns[f][c]]) {
        only = f;
        misses++;
      }
    if (misses > 1 || refusedText(plan, c)) continue;
    let seen = false;
    for (let s = 0; s < refused.length; s++) {
      refused[s] = refusedResult(plan, c, s);
      if (!refused[s]) seen = true;
    }
    if (seen && misses) counts[CASE_FACETS[only]][columns[only][c]]++;
    if (misses) continue;
    countResults(refused, c, counts);
    if (!seen) continue;
    hits.push(c);
    for (let f = 0; f < columns.length; f++) counts[CASE_FACETS[f]][columns[f][c]]++;
  }
  return { hits, counts, plan };
}

function countResults(refused, c, counts) {
  for (let s = 0; s < refused.length; s++) {
    if (refused[s] === 0 || refused[s] === OUTCOME) counts.outcome[D.results[s].outcome[c]]++;
    if (refused[s] === 0 || refused[s] === BACKEND) counts.backend[s]++;
    if (refused[s] === 0 || refused[s] === CAUSE) counts.cause[D.results[s].cause[c]]++;
  }
}
