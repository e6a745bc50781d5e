//! What a run tells and obeys: its counts and events, what it waits for, how it is stopped, and the files it claims.

pub(crate) mod claims;
pub(crate) mod event;
pub(crate) mod load;
pub(crate) mod lock;
pub(crate) mod stop;
pub(crate) mod tally;
pub(crate) mod wait;
