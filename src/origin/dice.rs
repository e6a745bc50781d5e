//! Seeded dice: the same throw always gives the same number.
//!
//! Pages, jitter and errors must repeat from run to run, whatever the order of requests, so a throw is a pure
//! function of the seed and its purpose; there is no state between throws. A [`Shuffle`] puts numbers in a random
//! order in the same way, without a list of them. Not for secrets.

/// Seeded dice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The `throw`-th number for the purpose `what`: 64 uniform bits (splitmix64, twice).
    pub(crate) fn throw(self, what: u64, throw: u64) -> u64 {
        mix(mix(self.0 ^ mix(what)).wrapping_add(throw))
    }

    /// A number from 0 to below `end`; 0 if `end` is 0. The bias is below `end` / 2^64.
    pub(crate) fn below(self, what: u64, throw: u64, end: u64) -> u64 {
        let wide = u128::from(self.throw(what, throw)) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0) // a product of two u64 shifted by 64 always fits
    }

    /// A number from 0 to below 1, in steps of 2^-53.
    pub(crate) fn share(self, what: u64, throw: u64) -> f64 {
        (self.throw(what, throw) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The rounds of a shuffle: as many as Luby and Rackoff need for a permutation that looks random.
const ROUNDS: u64 = 4;

/// A random order of the numbers below `end`, in constant memory.
///
/// A Feistel network permutes the numbers below the next power of four; a number that lands beyond `end` is permuted
/// again until it does not, so the numbers below `end` are permuted among themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shuffle {
    dice: Dice,
    what: u64,
    end: u64,
    half_bits: u32,
}

impl Shuffle {
    /// The order for the purpose `what`.
    pub(crate) fn new(dice: Dice, what: u64, end: u64) -> Shuffle {
        let bits = u64::BITS - end.saturating_sub(1).leading_zeros();
        let half_bits = bits.div_ceil(2).max(1);
        Shuffle {
            dice,
            what,
            end,
            half_bits,
        }
    }

    /// The place of a number in this order, from 0; a number that is not below `end` keeps its own.
    pub(crate) fn place(self, number: u64) -> u64 {
        if number >= self.end {
            return number;
        }
        let mut place = self.permute(number);
        // The cycle that a number is on leads back to it, so this ends; the average is below four steps.
        while place >= self.end {
            place = self.permute(place);
        }
        place
    }

    fn permute(self, number: u64) -> u64 {
        let low = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (number >> self.half_bits, number & low);
        for round in 0..ROUNDS {
            let thrown = self.dice.throw(self.what, round << self.half_bits | right);
            (left, right) = (right, left ^ (thrown & low));
        }
        left << self.half_bits | right
    }
}

fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_gives_every_number_another_place_and_every_place_to_any_number() {
        for end in [0, 1, 2, 3, 4, 5, 16, 17, 1000] {
            let shuffle = Shuffle::new(Dice::new(end), 1, end);
            let mut places: Vec<u64> = (0..end).map(|number| shuffle.place(number)).collect();
            places.sort_unstable();
            assert_eq!(places, (0..end).collect::<Vec<_>>());
        }
        let large = Shuffle::new(Dice::new(0), 1, u64::MAX);
        assert_ne!(large.place(7), large.place(8));
        // Of ten numbers, each should be first for about a tenth of the seeds.
        let mut counts = [0_u32; 10];
        for seed in 0..10_000 {
            let shuffle = Shuffle::new(Dice::new(seed), 1, 10);
            let first = (0..10).position(|number| shuffle.place(number) == 0);
            counts[first.unwrap()] += 1;
        }
        let even = counts.iter().all(|&count| (850..1150).contains(&count));
        assert!(even, "{counts:?}");
    }

    #[test]
    fn throws_repeat_stay_in_bounds_and_spread_evenly() {
        let dice = Dice::new(7);
        assert_eq!(dice.throw(1, 2), Dice::new(7).throw(1, 2));
        assert_ne!(dice.throw(1, 2), Dice::new(8).throw(1, 2));
        assert_eq!(dice.below(1, 1, 0), 0);
        let mut counts = [0_u32; 10];
        for throw in 0..10_000 {
            counts[usize::try_from(dice.below(3, throw, 10)).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|&count| (900..1100).contains(&count)),
            "{counts:?}"
        );
        let mean = (0..10_000).map(|throw| dice.share(4, throw)).sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }
}
