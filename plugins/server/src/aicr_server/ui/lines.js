// The same on the command line: words quoted for a POSIX shell, flags for values, lines for aicr and curl.
import { DIMENSIONS, bundleParameters, query } from "./state.js";

/** Quote a word where a shell would read more in it than its letters. */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Give the flag that sets a value: `--set` where its text means the value, else a flag with a type; objects of it merge,
 * which reaches keys that hold dots. Empty for such a key at the top, which no flag reaches.
 */
export function flag(component, path, value) {
  const dotted = path.findIndex((part) => part === "" || /[.=]/.test(part));
  if (dotted === 0) return "";
  if (dotted > 0 || value === null || typeof value === "object" || value === "" || splits(String(value))) {
    const plain = dotted > 0 ? path.slice(0, dotted) : path;
    const inside = dotted > 0 ? path.slice(dotted).reduceRight((inner, part) => ({ [part]: inner }), value) : value;
    return `--set-json ${quoted(`${component}:${plain.join(".")}=${JSON.stringify(inside)}`)}`;
  }
  const name = typeof value === "string" && readOtherwise(value) ? "--set-string" : "--set";
  return `${name} ${quoted(`${component}:${path.join(".")}=${value}`)}`;
}

/** Whether `--set` would see a second override in a text. */
function splits(text) {
  return /,[\w-]*:[^,=]+=/.test(text);
}

/** Whether `--set` would read a text as a number or a boolean. */
function readOtherwise(text) {
  return /^(true|false|[-+]?(inf|infinity|nan))$/i.test(text) || /^[-+]?[\d._]+(e[-+]?\d+)?$/i.test(text) || /^[-+]?0x/i.test(text);
}

/** Give the lines for `aicr`: recipe, then bundle. `partial` allows what no overlay covers; `names` are the recipe's components. */
export function commandLines(criteria, wanted, partial, names) {
  const stated = [...Object.keys(DIMENSIONS), "nodes"].filter((name) => criteria[name]);
  const flags = stated.map((name) => ` --${name} ${quoted(criteria[name])}`).join("");
  const recipe = stated.length
    ? `aicr recipe${flags}${partial ? " --allow-partial" : ""} -o recipe.yaml`
    : "printf '{}' | aicr recipe --criteria - -o recipe.yaml";
  const parameters = bundleParameters(wanted).filter(([name]) => name !== "bundlers");
  // The command line names what is left out.
  const out = wanted.bundlers.length ? names.filter((name) => !wanted.bundlers.includes(name)) : [];
  const options = [...parameters, ...out.map((name) => ["disable", name])].map(([name, value]) => ` --${name} ${quoted(value)}`).join("");
  return `${recipe}\naicr bundle --recipe recipe.yaml --output bundle${options}`;
}

/** Give the lines for curl; `base` is the address of the server. */
export function curlLines(base, criteria, wanted) {
  const asked = query(criteria);
  const parameters = new URLSearchParams(bundleParameters(wanted)).toString();
  const recipe = `${base}v1/recipe${asked ? `?${asked}` : ""}`;
  const bundle = `${base}v1/bundle${parameters ? `?${parameters}` : ""}`;
  return `curl -fsS ${quoted(recipe)} -o recipe.json\n`
    + `curl -fsS --data-binary @recipe.json -H 'Content-Type: application/json' ${quoted(bundle)} -o bundles.zip`;
}
