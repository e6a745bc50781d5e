//! Engines: who waits for the answers.
//!
//! A closed family behind one seam of two channels: a job goes out, a visit comes back, one for one, in any
//! order, even after a panic: a `Ticket` is a job on its way, and one that is dropped pays for it. What is in flight on a lane is bounded by a semaphore: a request holds a permit from before it is
//! sent until its last byte. Politeness is none of an engine's business.
//!
//! An engine is a number of **lanes**, each a thread with room for so many jobs:
//!
//! | engine | lanes | in flight on each | who waits on a lane |
//! |---|---|---|---|
//! | `sequential` | 1 | 1 | the async client, driven alone |
//! | `threads` n | n | 1 | the same client, a runtime a thread |
//! | `blocking` n | n | 1 | a socket that blocks in the kernel |
//! | `async` n | a loop a core | n between them | an event loop |
//! | `processes` p × n | p | n | an event loop in a child process |
//! | stored pages | 1 | a few a core | nobody: answers come out of archives |

mod blocking;
mod child;
mod cpu;
mod crew;
mod event_loop;
mod frame;
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
