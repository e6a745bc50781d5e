//! Pages that are at another URL now: two that are the same, where one is gone and the other is new.
//!
//! Invariant: each page moves once, and only where there is no doubt: what has the same bytes, or the same text, as
//! several gone or several new pages has not moved anywhere.

/// The SHA-256 of nothing, as the beginning of a digest: empty pages are not the same page.
const EMPTY: u64 = u64::from_le_bytes([0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14]);

/// Pairs pages that have the same mark, a digest or the fingerprint of a text, which is on no third page.
///
/// A mark of 0 is none.
pub(super) fn pairs(old: &mut [(u64, u32)], new: &mut [(u64, u32)]) -> Vec<(u32, u32)> {
    old.sort_unstable();
    new.sort_unstable();
    let only = |pages: &[(u64, u32)], at: usize| {
        let mark = pages[at].0;
        let is_like = |other: Option<&(u64, u32)>| other.is_some_and(|(other, _)| *other == mark);
        let before = at.checked_sub(1).and_then(|before| pages.get(before));
        !is_like(before) && !is_like(pages.get(at + 1))
    };
    let mut found = Vec::new();
    for (at, (mark, page)) in old.iter().enumerate() {
        if [0, EMPTY].contains(mark) || !only(old, at) {
            continue;
        }
        if let Ok(same) = new.binary_search_by_key(mark, |(mark, _)| *mark)
            && only(new, same)
        {
            found.push((*page, new[same].1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_is_one_of_a_kind_has_moved() {
        let mut old = [(7, 1), (8, 2), (8, 3), (0, 4), (EMPTY, 5), (9, 6)];
        let mut new = [(9, 11), (8, 12), (7, 13), (9, 14), (EMPTY, 15), (0, 16)];
        assert_eq!(pairs(&mut old, &mut new), [(1, 13)]);
    }
}
