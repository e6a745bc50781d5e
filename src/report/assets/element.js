// Elements of the page. Text goes in as text, never as markup.

/** An element with attributes and children; a child is an element, or text, or nothing. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A number for people, with the number itself for machines. */
function figureOf(value, shown) {
  return known(value) ? element("data", { value: String(value) }, shown) : shown;
}

/** A link when the text is a web address, else the text: no other scheme is ever followed. */
function address(text) {
  let parsed = null;
  try {
    parsed = new URL(text);
  } catch {
    return element("span", { class: "address" }, String(text));
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    return element("span", { class: "address" }, String(text));
  }
  return element("a", { class: "address", href: parsed.href, rel: "noreferrer noopener", target: "_blank" }, String(text));
}

/** Buttons of which one is pressed; `choose` hears which. */
function choice(label, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    element("button", {
      type: "button",
      "aria-pressed": String(value === chosen),
      onclick: () => {
        options.forEach(([other], index) => buttons[index].setAttribute("aria-pressed", String(other === value)));
        choose(value);
      },
    }, text));
  return element("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/** A command line with a button that copies it. */
function command(text) {
  const words = text.split(" ").flatMap((word, index) => [index ? " " : null, element("span", { class: "word" }, word)]);
  const code = element("code", {}, words);
  const button = element("button", { type: "button", class: "copy", onclick: () => copy(text, code, button) }, "Copy");
  return element("div", { class: "command" }, element("pre", {}, code), button);
}

/** To the clipboard; where the browser does not let us, the text is selected instead. */
async function copy(text, from, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(from);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = before; }, 2000);
}
