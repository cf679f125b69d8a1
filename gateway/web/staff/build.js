// Elements out of values. Everything that people wrote goes in as text.

export const byId = (id) => document.getElementById(id);

// el("button", {type: "button", onclick: press}, "Press"). false, null and undefined are left out.
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
}

export const button = (text, onclick, kind = "quiet") => el("button", { type: "button", class: `button ${kind}`, onclick }, text);

// A label and its control, which gets the name.
export function field(label, name, control = {}) {
  const id = `field-${name}`;
  const options = control.options?.map(([value, text]) => el("option", { value }, text));
  const { options: _, ...attributes } = control;
  const made = options ? el("select", { id, name, ...attributes }, ...options) : el("input", { id, name, ...attributes });
  return el("div", { class: "field" }, el("label", { for: id }, label), made);
}

export const valuesOf = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));

// columns: [{head, cell(item) -> text or element, number: right-aligned}]. A row with onrow can be opened, by keyboard too.
export function table(caption, columns, items, onrow = null) {
  const head = el("tr", {}, ...columns.map((each) => el("th", { scope: "col", class: each.number && "number" }, each.head)));
  const body = el("tbody", {}, ...items.map((item) => rowOf(columns, item, onrow)));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "spoken" }, caption), el("thead", {}, head), body));
}

export function rowOf(columns, item, onrow) {
  const cells = columns.map((each, place) => {
    const cell = each.cell(item);
    const inside = onrow && place === 0 ? el("button", { type: "button", class: "link", onclick: () => onrow(item) }, cell) : cell;
    return el("td", { class: each.number && "number" }, inside ?? "");
  });
  return el("tr", {}, ...cells);
}

// Names and their values.
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return el("dl", { class: "facts" }, ...shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
