// Elements of the page. Text is inserted as text, never as markup.

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

/** A number as people read it, with the exact value for machines. */
function figureOf(value, shown) {
  return known(value) ? element("data", { value: String(value) }, shown) : shown;
}

/** A link if the text is an http or https URL, or else the text: no other scheme is ever linked. */
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

/** Buttons of which one is pressed; `choose` is called with its value. */
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

/** Copies to the clipboard, or selects the text if the browser does not allow that. */
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
