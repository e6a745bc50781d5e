//! What a job's connection may reach, and what it may show.
//!
//! Invariant: a connection is only shared by jobs with the same clearance, so that no job uses one that was opened with
//! a client certificate that it may not show, or to an address that it may not reach.

/// What a job's connection may reach, and what it may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Clearance {
    /// Any address.
    Anywhere,
    /// Public addresses only.
    Public,
    /// Any address, with the client certificate of this index.
    Identified(usize),
}

impl Clearance {
    /// Every clearance, if there are this many client certificates, in the order of [`index`](Self::index).
    pub(super) fn all(identities: usize) -> impl Iterator<Item = Self> {
        let identified = (0..identities).map(Self::Identified);
        [Self::Anywhere, Self::Public].into_iter().chain(identified)
    }

    /// Its place in a list of one item for each clearance.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Anywhere => 0,
            Self::Public => 1,
            Self::Identified(identity) => 2 + identity,
        }
    }

    /// Whether addresses that are not public are refused.
    pub(super) const fn is_guarded(self) -> bool {
        matches!(self, Self::Public)
    }

    /// The index of the client certificate, if one is shown.
    pub(super) const fn identity(self) -> Option<usize> {
        match self {
            Self::Identified(identity) => Some(identity),
            Self::Anywhere | Self::Public => None,
        }
    }
}
