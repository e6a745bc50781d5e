//! The word that was probably meant.

/// The known word nearest to this one, where one is near.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let shared = |other: &str| {
        word.bytes()
            .zip(other.bytes())
            .filter(|(a, b)| a == b)
            .count()
    };
    let best = known.iter().max_by_key(|other| shared(other))?;
    (shared(best) * 2 >= best.len()).then_some(*best)
}
