//! Whether a run was polite, proved or refuted by when each of its requests was sent, host by host.
//!
//! Reads a job folder, an output with records, or an archive, and replays it: the shortest time between two requests to
//! a host, the most that were in flight at once, robots.txt as it was then, and whether `Retry-After` was kept. A job is
//! held to the limits that its sessions had; everything can be held to limits that are [demanded](Demands). Requests wait
//! in a temporary file until they are sorted, so memory is flat. Invariant: a limit is kept only if all that is needed to
//! say so is known; what is not known is said, and a run of which nothing could be checked has not passed.
//!
//! What each kind of source lacks:
//!
//! | source | what it lacks |
//! |---|---|
//! | a job | what it sent before it kept such a log, and, if it was killed, after its last commit |
//! | records | limits; robots.txt; sitemaps; requests that no record shows; `Retry-After` of the last response, unless it was recorded |
//! | archives | limits; requests without a response, and how long each took, so how many were in flight |
//!
//! Edge: time is measured where a request leaves. The network may bring two requests closer together, or tear them
//! apart.

mod archive;
mod breach;
mod demands;
mod flight;
mod host;
mod job;
mod open;
mod queue;
mod records;
mod replay;
mod request;
mod rules;
mod source;
mod standing;
mod verdict;
mod window;

pub use breach::{Breach, BreachKind, spelled};
pub use demands::Demands;
pub use host::{HostAudit, RobotsKept};
pub use replay::audit;
pub use verdict::{Audit, SessionAudit, Unknown, Verdict, moment};
