//! Compares the two records of a page, and of an item.

use serde_json::{Map, Value};

use super::change::{Change, ChangeKind};
use super::detail::Detail;
use super::trace::State;
use crate::visit::compared::NEAR;

/// What a page is compared for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparing {
    /// Whether both runs have fields or items at all: what one of them did not extract has not changed.
    pub(super) values: bool,
}

impl Comparing {
    /// The changes of a page that both runs requested, or tried to.
    pub(super) fn page(self, old: &Detail, new: &Detail) -> Vec<Change> {
        match (old.state, new.state) {
            (State::Unasked, State::Unasked) => Vec::new(),
            (_, State::Unasked) => {
                let change = of(ChangeKind::NotAsked, old, new).between(old.outcome(), Value::Null);
                vec![with_class(change, new)]
            }
            (State::Unasked, _) => {
                let change =
                    of(ChangeKind::NotAskedBefore, old, new).between(Value::Null, new.outcome());
                vec![with_class(change, old)]
            }
            (State::Failed, _) | (_, State::Failed) => outcome(old, new).into_iter().collect(),
            (State::Answered | State::Redirect, State::Answered | State::Redirect) => {
                self.answers(old, new)
            }
        }
    }

    fn answers(self, old: &Detail, new: &Detail) -> Vec<Change> {
        // An archive has the first redirect of a chain, and a record where the chain ended.
        let is_same_chain = old.state != new.state && old.target.is_some() && new.target.is_some();
        if is_same_chain && old.target == new.target {
            return Vec::new();
        }
        if old.target != new.target && (new.target.is_some() || old.state == State::Redirect) {
            return match &new.target {
                Some(target) => {
                    let mut moved = of(ChangeKind::Moved, old, new).because("redirect");
                    moved.new_url = Some(target.clone());
                    moved.old = old.target.clone().into();
                    vec![moved]
                }
                None => outcome(old, new).into_iter().collect(),
            };
        }
        let mut changes: Vec<_> = outcome(old, new).into_iter().collect();
        changes.extend(content(old, new));
        if let (Some(_), Some(_)) = (old.sha256, new.sha256)
            && old.title != new.title
        {
            let title = of(ChangeKind::Title, old, new);
            changes.push(title.between(old.title.clone(), new.title.clone()));
        }
        if self.values {
            let template = of(ChangeKind::Value, old, new);
            values(&template, &old.values, &new.values, &mut changes);
        }
        changes
    }
}

/// A change of a page.
fn of(kind: ChangeKind, old: &Detail, new: &Detail) -> Change {
    let change = Change::of(kind, &old.url);
    match old.is_external && new.is_external {
        true => change.because("external"),
        false => change,
    }
}

fn with_class(change: Change, unasked: &Detail) -> Change {
    match &unasked.class {
        Some(class) => change.because(class),
        None => change,
    }
}

/// Another outcome of the request.
fn outcome(old: &Detail, new: &Detail) -> Option<Change> {
    let is_broken = old.state != State::Failed && new.state == State::Failed;
    let (then, now) = (old.outcome(), new.outcome());
    // With the same status, the class tells: a body that cannot be decoded any more.
    let (then, now) = match then == now {
        true => (class(old), class(new)),
        false => (then, now),
    };
    let kind = match is_broken {
        true => ChangeKind::Broken,
        false => ChangeKind::Status,
    };
    (then != now).then(|| of(kind, old, new).between(then, now))
}

fn class(detail: &Detail) -> Value {
    detail.class.as_deref().map_or(Value::Null, Value::from)
}

/// Another body.
fn content(old: &Detail, new: &Detail) -> Option<Change> {
    let (then, now) = (old.sha256?, new.sha256?);
    if then == now {
        return None;
    }
    let distance = (old.simhash.zip(new.simhash)).map(|(then, now)| (then ^ now).count_ones());
    let visible = old.visible.zip(new.visible);
    let kind = match (distance, visible) {
        (_, Some((then, now))) if then == now => ChangeKind::Shell,
        (Some(distance), _) if distance <= NEAR => ChangeKind::Shell,
        (Some(_), _) | (None, Some(_)) => ChangeKind::Content,
        (None, None) => ChangeKind::Bytes,
    };
    let mut change = of(kind, old, new).between(hex(&then), hex(&now));
    change.distance = distance;
    Some(change)
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields that differ, each as a change like `template`.
pub(super) fn values(
    template: &Change,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (then, now) = (old.get(name), new.get(name));
        if then == now {
            continue;
        }
        // The items of a recipe that have no key.
        if let Some(recipe) = name.strip_suffix('.') {
            let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
            let template = Change {
                recipe: Some(recipe.to_owned()),
                ..template.clone()
            };
            let lists = (
                list(then).unwrap_or_default(),
                list(now).unwrap_or_default(),
            );
            unkeyed(&template, &lists.0, &lists.1, changes);
            continue;
        }
        let mut change = template.clone();
        change.field = Some(name.clone());
        let there = |value: Option<&Value>| value.cloned().unwrap_or_default();
        changes.push(change.between(there(then), there(now)));
    }
}

/// Items without a key: those in the same places, if there are as many; otherwise only how many there are.
fn unkeyed(template: &Change, old: &[Value], new: &[Value], changes: &mut Vec<Change>) {
    if old.len() != new.len() {
        let change = template
            .clone()
            .because("another number of items, which have no key");
        changes.push(change.between(old.len(), new.len()));
        return;
    }
    for (then, now) in old.iter().zip(new) {
        match (then, now) {
            (Value::Object(then), Value::Object(now)) => values(template, then, now, changes),
            (then, now) if then != now => {
                changes.push(template.clone().between(then.clone(), now.clone()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(body: u8) -> Detail {
        Detail {
            url: "http://h.example/".to_owned(),
            target: None,
            state: State::Answered,
            status: Some(200),
            class: None,
            is_external: false,
            sha256: Some([body; 32]),
            simhash: None,
            visible: None,
            title: None,
            values: Map::new(),
            lines: Vec::new(),
        }
    }

    fn failed(status: Option<u16>, class: &str) -> Detail {
        Detail {
            state: State::Failed,
            status,
            class: Some(class.to_owned()),
            ..page(9)
        }
    }

    fn kinds(old: &Detail, new: &Detail) -> Vec<ChangeKind> {
        let changes = Comparing { values: true }.page(old, new);
        changes.into_iter().map(|change| change.kind).collect()
    }

    #[test]
    fn three_bits_of_the_fingerprint_separate_content_from_shell() {
        let with = |body, simhash: u64| Detail {
            simhash: Some(simhash),
            ..page(body)
        };
        assert_eq!(kinds(&with(1, 0), &with(2, 0b111)), [ChangeKind::Shell]);
        assert_eq!(kinds(&with(1, 0), &with(2, 0b1111)), [ChangeKind::Content]);
        assert_eq!(kinds(&with(1, 0), &with(1, 0b1111)), []);
        assert_eq!(kinds(&with(1, 0), &page(2)), [ChangeKind::Bytes]);
        let short = |body, visible| Detail {
            visible: Some(visible),
            ..page(body)
        };
        assert_eq!(kinds(&short(1, 5), &short(2, 5)), [ChangeKind::Shell]);
        assert_eq!(kinds(&short(1, 5), &short(2, 6)), [ChangeKind::Content]);
    }

    #[test]
    fn a_page_is_broken_only_if_it_answered_before() {
        assert_eq!(
            kinds(&page(1), &failed(Some(404), "http-4xx")),
            [ChangeKind::Broken]
        );
        assert_eq!(
            kinds(&page(1), &failed(None, "timeout")),
            [ChangeKind::Broken]
        );
        assert_eq!(
            kinds(&page(1), &failed(Some(200), "decode")),
            [ChangeKind::Broken]
        );
        let gone = failed(Some(404), "http-4xx");
        assert_eq!(
            kinds(&gone, &failed(Some(410), "http-4xx")),
            [ChangeKind::Status]
        );
        assert_eq!(kinds(&gone, &gone), []);
        assert_eq!(kinds(&gone, &page(1)), [ChangeKind::Status]);
    }

    #[test]
    fn a_redirect_moves_a_page_and_one_chain_is_the_same_however_it_was_written() {
        let to = |target: &str, state, status| Detail {
            target: Some(target.to_owned()),
            state,
            status: Some(status),
            ..page(1)
        };
        let redirect = to("http://h.example/new", State::Redirect, 301);
        let changes = Comparing { values: true }.page(&page(1), &redirect);
        assert_eq!(changes[0].new_url.as_deref(), Some("http://h.example/new"));
        assert_eq!(kinds(&page(1), &redirect), [ChangeKind::Moved]);
        let followed = to("http://h.example/new", State::Answered, 200);
        assert_eq!(kinds(&redirect, &followed), []);
        let other = to("http://h.example/other", State::Redirect, 301);
        assert_eq!(kinds(&redirect, &other), [ChangeKind::Moved]);
        assert_eq!(kinds(&redirect, &page(1)), [ChangeKind::Status]);
    }

    #[test]
    fn fields_are_compared_by_name_and_items_without_a_key_by_place() {
        let with = |values: Value| Detail {
            values: serde_json::from_value(values).unwrap(),
            ..page(1)
        };
        let old = with(json!({ "a": 1, "b": 2, "p.": [{ "n": 1 }, { "n": 2 }] }));
        let new = with(json!({ "a": 1, "c": 3, "p.": [{ "n": 1 }, { "n": 5 }] }));
        let changes = Comparing { values: true }.page(&old, &new);
        let found: Vec<_> = changes
            .iter()
            .map(|change| {
                (
                    change.field.as_deref(),
                    change.old.clone(),
                    change.new.clone(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (Some("b"), json!(2), Value::Null),
                (Some("c"), Value::Null, json!(3)),
                (Some("n"), json!(2), json!(5))
            ]
        );
        let fewer = with(json!({ "a": 1, "b": 2, "p.": [{ "n": 1 }] }));
        let changes = Comparing { values: true }.page(&old, &fewer);
        assert_eq!((&changes[0].old, &changes[0].new), (&json!(2), &json!(1)));
        assert!(Comparing { values: false }.page(&old, &new).is_empty());
    }
}
