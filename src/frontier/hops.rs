//! The responses of followed redirects, for archives that store them.
//!
//! A job that was redirected waits again, and the response that redirected it waits along. Invariant: the waiting
//! responses are bounded, in memory and on disk, however many jobs wait. Beyond the bound, a hop is only a status
//! and a target, and the archive reports that it is truncated.

use std::sync::Arc;

use crate::job::Job;
use crate::page::Page;
use crate::page::body::Body;

/// Bytes of heads and bodies that may wait in memory.
const MEMORY: u64 = 64 << 20;
/// Bytes of bodies that may wait in files.
const DISK: u64 = 4 << 30;
/// Bytes that a header field takes in addition to its text.
const FIELD: u64 = 64;

/// The sizes of the responses that wait with their jobs.
#[derive(Debug, Default)]
pub(super) struct Hops {
    wanted: bool,
    memory: u64,
    disk: u64,
}

impl Hops {
    /// Stores them from now on.
    pub(super) fn enable(&mut self) {
        self.wanted = true;
    }

    /// Whether the response to this job is to be stored, should it be a redirect.
    pub(super) fn wants(&self, job: &Job) -> bool {
        self.wanted && job.has_record()
    }

    /// Stores a response with its job; `None` if there is no room.
    pub(super) fn store(&mut self, page: Page) -> Option<Arc<Page>> {
        let (memory, disk) = size(&page);
        if self.memory + memory > MEMORY || self.disk + disk > DISK {
            return None;
        }
        self.memory += memory;
        self.disk += disk;
        Some(Arc::new(page))
    }

    /// Frees the room of a job's responses, as the job is over.
    pub(super) fn release(&mut self, job: &Job) {
        for page in job.hops.iter().filter_map(|hop| hop.answer.as_deref()) {
            let (memory, disk) = size(page);
            self.memory = self.memory.saturating_sub(memory);
            self.disk = self.disk.saturating_sub(disk);
        }
    }
}

/// The bytes of a response in memory and on disk.
fn size(page: &Page) -> (u64, u64) {
    let fields = page.headers.0.iter();
    let fields = fields.map(|(name, value)| (name.as_str().len() + value.len()) as u64 + FIELD);
    let head: u64 = size_of::<Page>() as u64 + fields.sum::<u64>();
    match &page.body {
        Body::Memory(bytes) => (head + bytes.len() as u64, 0),
        Body::Spooled(spool) => (head, spool.length()),
        Body::Dropped(_) => (head, 0),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::job::Hop;
    use crate::url::PageUrl;

    fn page(bytes: usize) -> Page {
        Page::plain(301, Body::Memory(Bytes::from(vec![0; bytes])))
    }

    #[test]
    fn stored_responses_are_bounded_and_a_finished_job_frees_its_room() {
        let mut hops = Hops::default();
        let url = PageUrl::parse("http://h.example/").unwrap();
        let mut job = Job::seed(1, url.clone());
        assert!(!hops.wants(&job));
        hops.enable();
        assert!(hops.wants(&job));
        for _ in 0..10 {
            let answer = hops.store(page(8 << 20));
            job.hops.push(Hop {
                answer,
                ..Hop::new(url.clone(), 301)
            });
        }
        let stored = job.hops.iter().filter(|hop| hop.answer.is_some()).count();
        assert_eq!(stored, 7);
        assert!(hops.memory <= MEMORY);
        hops.release(&job);
        assert_eq!((hops.memory, hops.disk), (0, 0));
        assert!(hops.store(page(8 << 20)).is_some());
    }
}
