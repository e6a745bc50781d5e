//! Element states that follow from the page alone: links, forms, languages.
//!
//! See Selectors 4, 4.2 and 5 to 13, and HTML 4.17.3. Invariant: the only parts of a page that are examined are the
//! element's attributes, those of its ancestors, and the children of a `fieldset` up to its legend.

use html5ever::ns;

use super::language::PseudoClass;
use super::page_element::PageElement;

/// Types of `input` that `readonly` applies to (HTML 4.10.5.3.3).
const WRITABLE: [&str; 12] = [
    "text",
    "search",
    "url",
    "tel",
    "email",
    "password",
    "date",
    "month",
    "week",
    "time",
    "datetime-local",
    "number",
];
/// Types of `input` that `required` does not apply to (HTML 4.10.5.3.4).
const NEVER_REQUIRED: [&str; 7] = [
    "hidden", "range", "color", "submit", "image", "reset", "button",
];
/// Types of `input` that show a placeholder (HTML 4.10.5.3.10).
const WITH_PLACEHOLDER: [&str; 7] = [
    "text", "search", "url", "tel", "email", "password", "number",
];
/// All types of `input`; anything else means `text`.
const TYPES: [&str; 22] = [
    "hidden",
    "text",
    "search",
    "tel",
    "url",
    "email",
    "password",
    "date",
    "month",
    "week",
    "time",
    "datetime-local",
    "number",
    "range",
    "color",
    "checkbox",
    "radio",
    "file",
    "submit",
    "image",
    "reset",
    "button",
];

/// Whether an element is in a state.
pub(super) fn matches(element: &PageElement<'_>, class: &PseudoClass) -> bool {
    match class {
        PseudoClass::Link => is_link(element),
        PseudoClass::Checked => is_checked(element),
        PseudoClass::Disabled => can_be_disabled(element) && is_disabled(element),
        PseudoClass::Enabled => can_be_disabled(element) && !is_disabled(element),
        PseudoClass::Required => can_be_required(element) && element.has("required"),
        PseudoClass::Optional => is_control(element) && !matches(element, &PseudoClass::Required),
        PseudoClass::ReadWrite => is_writable(element),
        PseudoClass::ReadOnly => element.is_html() && !is_writable(element),
        PseudoClass::PlaceholderShown => shows_placeholder(element),
        PseudoClass::Open => (element.is("details") || element.is("dialog")) && element.has("open"),
        PseudoClass::Defined => !element.is_html() || is_defined(element),
        PseudoClass::Lang(ranges) => language(element)
            .is_some_and(|language| ranges.iter().any(|range| is_in_range(language, range))),
    }
}

/// `a` and `area` with a `href`, and SVG's `a` with one of either kind.
pub(super) fn is_link(element: &PageElement<'_>) -> bool {
    if element.is("a") || element.is("area") {
        return element.has("href");
    }
    let value = element.0.value();
    value.name.ns == ns!(svg)
        && value.name() == "a"
        && value.attrs().any(|(name, _)| name == "href")
}

fn is_checked(element: &PageElement<'_>) -> bool {
    match element.is("option") {
        true => element.has("selected"),
        false => {
            element.is("input")
                && matches!(kind(element), "checkbox" | "radio")
                && element.has("checked")
        }
    }
}

fn is_control(element: &PageElement<'_>) -> bool {
    element.is("input") || element.is("select") || element.is("textarea")
}

fn can_be_required(element: &PageElement<'_>) -> bool {
    is_control(element) && !(element.is("input") && NEVER_REQUIRED.contains(&kind(element)))
}

fn can_be_disabled(element: &PageElement<'_>) -> bool {
    element.is_html()
        && matches!(
            element.0.value().name(),
            "button" | "input" | "select" | "textarea" | "optgroup" | "option" | "fieldset"
        )
}

/// "Actually disabled" (HTML 4.15).
fn is_disabled(element: &PageElement<'_>) -> bool {
    if element.has("disabled") {
        return true;
    }
    if element.is("optgroup") {
        return false;
    }
    if element.is("option") {
        let group = element.ancestors().next();
        return group.is_some_and(|group| group.is("optgroup") && group.has("disabled"));
    }
    // A fieldset disables everything in it, except what is in its first legend.
    let mut inner = *element;
    for outer in element.ancestors() {
        if outer.is("fieldset") && outer.has("disabled") && !is_first_legend(&inner) {
            return true;
        }
        inner = outer;
    }
    false
}

fn is_first_legend(child: &PageElement<'_>) -> bool {
    let earlier = || {
        child
            .0
            .prev_siblings()
            .filter_map(scraper::ElementRef::wrap)
    };
    child.is("legend") && !earlier().any(|sibling| PageElement(sibling).is("legend"))
}

fn is_writable(element: &PageElement<'_>) -> bool {
    let is_input = element.is("input") && WRITABLE.contains(&kind(element));
    if is_input || element.is("textarea") {
        return !element.has("readonly") && !is_disabled(element);
    }
    if element.is("input") || !element.is_html() {
        return false;
    }
    let mut around = std::iter::once(*element).chain(element.ancestors());
    let editable = around.find_map(|element| {
        let value = element.attribute("contenteditable")?;
        match value.to_ascii_lowercase().as_str() {
            "" | "true" | "plaintext-only" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    });
    editable == Some(true)
}

fn shows_placeholder(element: &PageElement<'_>) -> bool {
    if !element.has("placeholder") {
        return false;
    }
    if element.is("textarea") {
        // The tree builder drops the line break right after the tag.
        return element.0.text().all(str::is_empty);
    }
    element.is("input")
        && WITH_PLACEHOLDER.contains(&kind(element))
        && element.attribute("value").is_none_or(str::is_empty)
}

/// Custom elements are defined by scripts, and none run here.
fn is_defined(element: &PageElement<'_>) -> bool {
    !element.0.value().name().contains('-') && !element.has("is")
}

/// The type of an `input`.
fn kind(element: &PageElement<'_>) -> &'static str {
    let written = element.attribute("type").unwrap_or_default();
    let known = TYPES.iter().find(|kind| written.eq_ignore_ascii_case(kind));
    known.copied().unwrap_or("text")
}

/// The language of an element: the nearest `lang` or `xml:lang` (HTML 3.2.6.2).
fn language<'p>(element: &PageElement<'p>) -> Option<&'p str> {
    let mut around = std::iter::once(*element).chain(element.ancestors());
    around.find_map(|element| {
        let attributes = &element.0.value().attrs;
        let of_xml = attributes
            .iter()
            .find(|(name, _)| name.ns == ns!(xml) && &*name.local == "lang")
            .map(|(_, value)| &**value);
        let of_xml = of_xml.or_else(|| element.attribute("xml:lang"));
        of_xml.or_else(|| element.attribute("lang"))
    })
}

/// Extended filtering of language tags (RFC 4647 3.3.2), as used by Selectors 4.
///
/// `de` and `*-CH` match `de-Latn-CH`.
///
/// The range must be in lower case.
fn is_in_range(language: &str, range: &str) -> bool {
    if range.is_empty() || language.is_empty() {
        return range.is_empty() && language.is_empty();
    }
    let mut wanted = range.split('-');
    let mut tags = language.split('-');
    let (Some(first), Some(tag)) = (wanted.next(), tags.next()) else {
        return false;
    };
    if first != "*" && !first.eq_ignore_ascii_case(tag) {
        return false;
    }
    for part in wanted.filter(|part| *part != "*") {
        loop {
            match tags.next() {
                Some(tag) if tag.eq_ignore_ascii_case(part) => break,
                // A single letter starts an extension: nothing is matched beyond it.
                Some(tag) if tag.len() > 1 => {}
                _ => return false,
            }
        }
    }
    true
}
