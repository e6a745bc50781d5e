//! Engines: the ways to wait for responses.
//!
//! A closed family behind one seam of two channels: a job goes out and a visit comes back, one for one and in any
//! order, even after a panic. A job in an engine is a `Ticket`, and dropping a ticket returns the job as lost or
//! cancelled. The number of requests in flight on a lane is bounded by a semaphore: each of its workers has a permit, and
//! one request at a time. Engines know nothing about politeness.
//!
//! An engine is a number of **lanes**, each a thread with room for N jobs:
//!
//! | engine | lanes | in flight on each | what waits on a lane |
//! |---|---|---|---|
//! | `sequential` | 1 | 1 | the async client, driven alone |
//! | `threads` n | n | 1 | the same client, one runtime per thread |
//! | `blocking` n | n | 1 | a socket that blocks in the kernel |
//! | `async` n | one loop per core | n in total | an event loop |
//! | `processes` p × n | p | n | an event loop in a child process |
//! | stored pages | 1 | a few per core | nothing: pages come from archives |

mod blocking;
mod child;
mod cpu;
mod crew;
mod frame;
mod idle;
mod in_hand;
mod kind;
mod lane;
mod processes;
mod stored;
mod stub;
mod ticket;

pub use child::serve_parent;
pub(crate) use cpu::cores;
pub(crate) use crew::{Ahead, Crew};
pub use kind::{DEFAULT_IN_FLIGHT, ENGINES, Engine};
pub use processes::CHILD_ARGUMENT;
