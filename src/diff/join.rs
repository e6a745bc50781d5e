//! Joins the pages of two runs by their requests, and their items by their keys.

use std::cmp::Ordering;

use super::trace::{ItemTrace, State, Trace, Traces};

/// The indexes of pages that both runs have, or only one.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) both: Vec<(u32, u32)>,
    pub(super) only_old: Vec<u32>,
    pub(super) only_new: Vec<u32>,
}

/// Joins pages; both lists are sorted by request, which each has once.
pub(super) fn pages(old: &Traces, new: &Traces) -> Joined {
    let mut joined = Joined::default();
    let (mut one, mut other) = (0, 0);
    loop {
        match (old.pages.get(one), new.pages.get(other)) {
            (None, None) => return joined,
            (Some(_), None) => {
                joined.only_old.push(one as u32);
                one += 1;
            }
            (None, Some(_)) => {
                joined.only_new.push(other as u32);
                other += 1;
            }
            (Some(page), Some(same)) => match page.request.cmp(&same.request) {
                Ordering::Equal => {
                    joined.both.push((one as u32, other as u32));
                    (one, other) = (one + 1, other + 1);
                }
                Ordering::Less => {
                    joined.only_old.push(one as u32);
                    one += 1;
                }
                Ordering::Greater => {
                    joined.only_new.push(other as u32);
                    other += 1;
                }
            },
        }
    }
}

/// Whether the two records of a page may differ in anything that is reported.
pub(super) fn may_differ(old: &Trace, new: &Trace, classes: (&str, &str)) -> bool {
    let has_digests = old.digest != 0 && new.digest != 0;
    let is_answered = old.state == State::Answered && new.state == State::Answered;
    old.state != new.state
        || old.status != new.status
        || classes.0 != classes.1
        || old.target != new.target
        || has_digests && old.digest != new.digest
        || has_digests && is_answered && old.title != new.title
        || is_answered && old.values != new.values
}

/// Joins items: calls `take` with the two items of each pair, or one of them alone.
///
/// Both lists are sorted by identity and page. Of an item that occurs several times, those on the same page belong
/// together, and then those that are left, if there is one on each side. Further ones with values that another one
/// has are only repetitions.
pub(super) fn items(
    old: &[ItemTrace],
    new: &[ItemTrace],
    take: &mut dyn FnMut(Option<&ItemTrace>, Option<&ItemTrace>),
) {
    let (mut one, mut other) = (0, 0);
    while one < old.len() || other < new.len() {
        let identity = [old.get(one), new.get(other)]
            .into_iter()
            .flatten()
            .map(|item| item.identity)
            .min();
        let same = |items: &[ItemTrace], from: usize| {
            let alike = items[from..]
                .iter()
                .take_while(|item| Some(item.identity) == identity);
            from + alike.count()
        };
        let (old_end, new_end) = (same(old, one), same(new, other));
        group(&old[one..old_end], &new[other..new_end], take);
        (one, other) = (old_end, new_end);
    }
}

fn group(
    old: &[ItemTrace],
    new: &[ItemTrace],
    take: &mut dyn FnMut(Option<&ItemTrace>, Option<&ItemTrace>),
) {
    let (mut old_left, mut new_left) = (Vec::new(), Vec::new());
    let (mut one, mut other) = (0, 0);
    while one < old.len() || other < new.len() {
        let order = match (old.get(one), new.get(other)) {
            (Some(item), Some(same)) => item.page.cmp(&same.page),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Equal => take(Some(&old[one]), Some(&new[other])),
            Ordering::Less => old_left.push(&old[one]),
            Ordering::Greater => new_left.push(&new[other]),
        }
        one += usize::from(order.is_le());
        other += usize::from(order.is_ge());
    }
    if let ([item], [same]) = (&old_left[..], &new_left[..]) {
        return take(Some(item), Some(same));
    }
    for item in old_left {
        if !new.iter().any(|same| same.values == item.values) {
            take(Some(item), None);
        }
    }
    for item in new_left {
        if !old.iter().any(|same| same.values == item.values) {
            take(None, Some(item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(identity: u64, page: u64, values: u64) -> ItemTrace {
        ItemTrace {
            identity,
            page,
            values,
            number: 0,
            ordinal: 0,
        }
    }

    fn joined(old: &[ItemTrace], new: &[ItemTrace]) -> Vec<(Option<u64>, Option<u64>)> {
        let mut found = Vec::new();
        items(old, new, &mut |one, other| {
            let page = |item: Option<&ItemTrace>| item.map(|item| item.page);
            found.push((page(one), page(other)));
        });
        found
    }

    #[test]
    fn an_item_is_the_same_wherever_it_is_and_on_its_own_page_first() {
        assert_eq!(
            joined(&[item(1, 5, 0)], &[item(1, 9, 1)]),
            [(Some(5), Some(9))]
        );
        let old = [item(1, 5, 0), item(1, 6, 0), item(2, 5, 0)];
        let new = [item(1, 6, 3), item(1, 7, 4), item(3, 5, 0)];
        assert_eq!(
            joined(&old, &new),
            [
                (Some(6), Some(6)),
                (Some(5), Some(7)),
                (Some(5), None),
                (None, Some(5))
            ]
        );
    }

    #[test]
    fn a_repetition_on_another_page_is_no_change() {
        let old = [item(1, 5, 7)];
        let new = [item(1, 5, 7), item(1, 8, 7), item(1, 9, 7)];
        assert_eq!(joined(&old, &new), [(Some(5), Some(5))]);
        let new = [item(1, 5, 7), item(1, 8, 7), item(1, 9, 1)];
        assert_eq!(joined(&old, &new), [(Some(5), Some(5)), (None, Some(9))]);
    }
}
