//! Seeded dice: the same throw always gives the same number.
//!
//! Pages, jitter and errors must repeat from run to run, whatever the order of requests, so a throw is a pure
//! function of the seed and its purpose; there is no state between throws. Not for secrets.

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
