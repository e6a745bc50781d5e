//! The end of a run, whether it finished or an output stopped it.
//!
//! Both report the rows without a record.

use std::time::{Duration, Instant};

use super::checkpoint::{by_name, marks};
use super::outcome::{Ended, Outcome};
use super::run::Run;
use crate::error::{Error, Result};
use crate::job::rows::Rows;
use crate::run::event::Event;
use crate::run::load::Loads;
use crate::run::wait::Waits;
use crate::sink::{Counter, Mirror};

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Writes and commits everything, and returns the outcome.
    pub(super) async fn end(&mut self, ended: Ended, reading: bool) -> Result<Outcome> {
        self.waits_due = Duration::MAX;
        self.tally.waits = Waits::default();
        (self.tally.held_hosts, self.tally.loads) = (0, Loads::default());
        self.frontier.note_waits(&self.tally.waits);
        self.tick();
        // The lanes close their connections while the last records are written.
        self.crew.close();
        if !self.settled.is_empty() {
            self.writer.write(&mut self.settled).await?;
        }
        if self.checkpoint.is_some() {
            let marks = marks(&mut self.checkpoint).await;
            self.commit(marks).await?;
        }
        let marks = by_name(self.writer.finish().await?);
        let counts = marks.get(Counter::NAME).and_then(Counter::read);
        self.note_cookies();
        self.frontier.note_end();
        if let Some(gathered) = self.frontier.gather() {
            self.frontier.commit(gathered, marks);
        }
        while self.frontier.awaits_store() {
            let answer = self.frontier.store_reply().await?;
            self.frontier.take(answer, Instant::now())?;
        }
        self.note_checkpoint();
        if let Some((holders, settings)) = self.holders.take() {
            // Nothing waits for the loop any more, so it may block.
            let (report, redirects) = (settings.report.as_deref(), settings.redirects.as_deref());
            self.tally.broken = holders.report(report, redirects)?;
        }
        let early = ended != Ended::Complete;
        let kept = self.frontier.is_stored();
        // A job that will be resumed saves more: its copy is made at its end.
        let mirror = self.mirror.take().filter(|_| !(early && kept));
        let mirror = mirror.map(Mirror::finish).transpose()?;
        let waiting = self.frontier.waiting() as u64 + self.cancelled + u64::from(reading && early);
        let missing = if early && !kept {
            let mut rows = std::mem::take(&mut self.unanswered);
            rows.extend(self.frontier.rows());
            Rows::of(rows, reading.then_some(self.tally.last_row + 1))
        } else {
            Rows::default()
        };
        Ok(Outcome {
            tally: std::mem::take(&mut self.tally),
            ended,
            missing,
            counts,
            waiting: if early { waiting } else { 0 },
            earlier: self.earlier,
            mirror: mirror.and_then(|(_, entrance)| entrance),
            failure: None,
        })
    }

    /// Aborts the run after an output failed, and returns the rows that no output has.
    ///
    /// # Errors
    /// The error of the output, if its content is unknown: standard output, or a format that cannot be taken back.
    pub(super) async fn stopped(mut self, error: Error) -> Result<Outcome> {
        let kept = self.frontier.is_stored();
        let unwritten = self.writer.unwritten();
        let Some(mut rows) = unwritten.or_else(|| kept.then(Vec::new)) else {
            return Err(error);
        };
        self.tally.visited = self.tally.visited.saturating_sub(rows.len() as u64);
        self.crew.abort();
        while !self.crew.is_idle() {
            match self.crew.next().await {
                Some(visit) => rows.extend(visit.job.row),
                None => break,
            }
        }
        self.crew.close();
        self.tick(); // so that listeners see the last figures
        self.crew.dismiss();
        rows.extend(self.settled.iter().filter_map(|visit| visit.job.row));
        rows.append(&mut self.unanswered);
        rows.extend(self.frontier.rows());
        let rest = (!self.list.done).then_some(self.tally.last_row + 1);
        let missing = match kept {
            true => Rows::default(),
            false => Rows::of(rows, rest),
        };
        Ok(Outcome {
            tally: self.tally,
            ended: Ended::OutputFailed,
            missing,
            counts: None,
            // The job knows what is settled: the rest remains in it.
            waiting: u64::from(kept),
            earlier: self.earlier,
            mirror: None,
            failure: Some(error),
        })
    }
}
